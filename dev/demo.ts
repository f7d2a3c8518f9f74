// npm run demo: stories told by the programs themselves, on real sockets. Exits 1 with what went wrong where one does
// not go as it should.
import { parseArgs } from 'node:util';
import { messageOf } from '../shared/errors.js';
import { tellDarkDevice } from './stories/dark-device.js';
import { tellFailover } from './stories/failover.js';
import { tellNotification } from './stories/notification.js';
import { createStage, type Stage } from './stories/stage.js';

const stories: Record<string, (stage: Stage) => Promise<void>> = {
  notification: (stage) => tellNotification(stage, values.break === 'gateway'),
  'dark-device': tellDarkDevice,
  failover: tellFailover,
};

const { values } = parseArgs({
  options: { story: { type: 'string', default: 'notification' }, break: { type: 'string' } },
});
const story = stories[values.story];
const isBreakable = values.story === 'notification' && values.break === 'gateway';
if (!story || (values.break !== undefined && !isBreakable)) {
  const names = Object.keys(stories).join('|');
  process.stderr.write(`usage: npm run demo [-- --story ${names} | --break gateway]\n`);
  process.exit(1);
}

const stage = createStage((line) => void process.stdout.write(`${line}\n`));
try {
  await story(stage);
  stage.heading(`Done in ${stage.elapsedSeconds().toFixed(1)} s.`);
} catch (error) {
  stage.heading(`FAILED: ${messageOf(error)}`);
  process.exitCode = 1;
} finally {
  await stage.close();
}
