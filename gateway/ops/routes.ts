// GET /, /ops and /ops.json on the admin listener.
import type { AdminRoutes } from '../../shared/admin.js';
import { json } from '../../shared/http.js';
import type { Facts } from './facts.js';
import { opsPage, viewOf } from './page.js';
import { opsDataPath, opsPaths } from './paths.js';

/** The page, and its data; with `?view` the data brings the page's middle along, drawn. */
export function opsRoutes(facts: () => Facts): AdminRoutes {
  const page = async () => opsPage(facts());
  return {
    ...Object.fromEntries(opsPaths.map((path) => [`GET ${path}`, page])),
    [`GET ${opsDataPath}`]: async ({ url = '' }) => {
      const now = facts();
      return json(200, url.endsWith('?view') ? { ...now, view: viewOf(now) } : now);
    },
  };
}
