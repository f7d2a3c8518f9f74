import t from 'tap';
import { createCounts } from '../../../central/ops/counts.js';
import type { Store, StoreCounts } from '../../../central/store/store.js';
import { createManualClock } from '../../support/manual-clock.js';

t.test('totals take a tenth of the store’s time at most', async (t) => {
  const clock = createManualClock();
  let readings = 0;
  const store = {
    counts: async (): Promise<StoreCounts> => {
      readings += 1;
      clock.advance(300);
      return { devices: readings, channels: 0, pending: 0, messages: 0 };
    },
  } as Store;
  const counts = createCounts(store, clock);
  t.equal((await counts())?.devices, 1);
  clock.advance(2_999);
  t.equal((await counts())?.devices, 1);
  clock.advance(1);
  t.equal((await Promise.all([counts(), counts()]))[1]?.devices, 2);
  t.equal(readings, 2, 'and two at once make one reading');
});
