// App servers, each known by the loopback address it sends from, with connections that stay open.
import { Pool } from 'undici';

export interface AppServers {
  /** Sends a version to each of these paths, and resolves when all are answered with 200. */
  put(from: string, paths: readonly string[], version: number): Promise<void>;
  close(): Promise<void>;
}

const connections = 8;

export function createAppServers(url: string): AppServers {
  const pools = new Map<string, Pool>();

  function poolOf(localAddress: string): Pool {
    const pool = pools.get(localAddress) ?? new Pool(url, { connections, localAddress });
    pools.set(localAddress, pool);
    return pool;
  }

  async function putOne(pool: Pool, path: string, version: number): Promise<void> {
    const { statusCode, body } = await pool.request({
      ...{ method: 'PUT', path, body: `version=${version}` },
    });
    await body.dump();
    if (statusCode !== 200) throw new Error(`PUT answered ${statusCode}`);
  }

  return {
    async put(from, paths, version) {
      const pool = poolOf(from);
      await Promise.all(paths.map((path) => putOne(pool, path, version)));
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()));
    },
  };
}
