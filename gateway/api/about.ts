// GET /about: a page for people. It shows nothing that only the operator or a central may know.
import { type Answer, escapeHtml, page } from '../../shared/http.js';
import { version } from '../../shared/version.js';

export function aboutPage(facts: { uptimeMs: number; networkCount: number }): Answer {
  const rows = {
    Version: version,
    Uptime: `${Math.floor(facts.uptimeMs / 1000)} s`,
    Networks: String(facts.networkCount),
  };
  const lines = Object.entries(rows).map(
    ([name, value]) => `<tr><th scope="row">${name}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return page(
    200,
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Reveille gateway</title>
<style>body{font-family:sans-serif;margin:2rem}th{text-align:left;padding-right:1rem}</style>
</head>
<body>
<h1>Reveille gateway</h1>
<p>Wakes handsets of this operator's network on behalf of notification servers.</p>
<table>${lines.join('')}</table>
</body>
</html>
`,
  );
}
