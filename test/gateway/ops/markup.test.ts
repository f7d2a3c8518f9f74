// Templates, numbers and charts of the operations page.
import fc from 'fast-check';
import t from 'tap';
import { ceilingOf, columns, spark } from '../../../gateway/ops/chart.js';
import { count, rate, span } from '../../../gateway/ops/format.js';
import { html } from '../../../gateway/ops/markup.js';

t.test('what is put into a template is text, in content and in attributes', async (t) => {
  const evil = `"><script>alert('1')</script>&`;
  const { markup } = html`<a title="${evil}">${[evil, 1]}${undefined}${html`<b>${evil}</b>`}</a>`;
  const safe = '&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;';
  t.equal(markup, `<a title="${safe}">${safe}1<b>${safe}</b></a>`);
});

t.test('no text makes an element or ends an attribute', async () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { markup } = html`<i a="${text}">${text}</i>`;
      return /^<i a="[^"<>]*">[^<>]*<\/i>$/s.test(markup);
    }),
  );
});

t.test('numbers are read at a glance', async (t) => {
  const rates = [0, 0.001, 0.5, 9.994, 12.34, 100.4, 12_345.6].map(rate);
  t.same(rates, ['0', '<0.01', '0.50', '9.99', '12.3', '100', '12\u202f346']);
  t.same([0, 999, 1000, 1_234_567].map(count), ['0', '999', '1\u202f000', '1\u202f234\u202f567']);
  const spans = [-5, 0, 59_999, 60_000, 61_000, 600_000, 90_000_000, 3_456_000_000].map(span);
  t.same(spans, ['0 s', '0 s', '59 s', '1 min', '1 min 1 s', '10 min', '1 d 1 h', '40 d']);
});

t.test('an axis ends at a round number above every value', async (t) => {
  t.same([[], [0], [0.3], [1], [3], [51], [1001]].map(ceilingOf), [1, 1, 0.5, 1, 5, 100, 2000]);
});

t.test('columns are stacked, end at the right edge and stay inside', async (t) => {
  const { markup } = columns({
    courses: [
      { name: 'triggered', values: [1, 2] },
      { name: 'refused', values: [0, 2] },
    ],
    ceiling: 4,
    steps: 3,
    height: 100,
    label: '<now>',
  });
  t.match(markup, 'aria-label="&lt;now&gt;"');
  t.match(markup, '<path class="triggered" d="M5 100V75h4V100zM10 100V50h4V100z"/>');
  t.match(markup, '<path class="refused" d="M10 50V0h4V50z"/>');
});

t.test(
  'a course without a step, or of nothing but zeros, is drawn without a broken number',
  async (t) => {
    for (const values of [[], [0], [0, 0, 0], [1e9, 0]]) {
      t.notMatch(spark({ name: 'x', values }, 119).markup, /NaN|Infinity|undefined/);
    }
  },
);
