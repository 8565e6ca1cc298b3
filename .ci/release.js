// node .ci/release.js v1.2.3: prints the notes of a release, or says what keeps it from being one, and ends with 1.
// node .ci/release.js --dist-tag v1.2.3: prints the tag of the registry, `latest` or, for 1.2.3-rc.1, `next`.
import { readFileSync } from 'node:fs';

const VERSION = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/;
const [first = '', second = ''] = process.argv.slice(2);
const tag = first === '--dist-tag' ? second : first;

function stop(words) {
  console.error(`No release: ${words}`);
  process.exit(1);
}

const version = tag.replace(/^v/, '');
const parts = VERSION.exec(version);
if (!tag.startsWith('v') || !parts)
  stop(`the tag is v and a version, such as v1.2.3 or v1.2.3-rc.1, and not '${tag}'.`);
if (first === '--dist-tag') {
  console.log(parts[4] ? 'next' : 'latest');
  process.exit(0);
}

const written = JSON.parse(readFileSync('package.json', 'utf8')).version;
if (written !== version) stop(`package.json has the version ${written}, and the tag is ${tag}.`);

const chapters = readFileSync('CHANGELOG.md', 'utf8')
  .split(/^## /m)
  .slice(1)
  .map((text) => ({ name: text.slice(0, text.indexOf('\n')).trim(), text: text.slice(text.indexOf('\n')).trim() }));
const at = chapters.findIndex(({ name }) => name.split(' - ')[0] === version);
if (at < 0) stop(`CHANGELOG.md has no chapter '## ${version} - YYYY-MM-DD'.`);
const { name, text } = chapters[at];
if (!/^\S+ - \d{4}-\d\d-\d\d$/.test(name))
  stop(`the chapter is called '## ${version} - YYYY-MM-DD', and not '## ${name}'.`);
if (text === '') stop(`the chapter of ${version} in CHANGELOG.md is empty.`);
const open = chapters.find((one) => one.name === 'Unreleased');
if (!open) stop(`CHANGELOG.md has no chapter '## Unreleased'.`);
if (open.text !== '') stop(`CHANGELOG.md still has changes under Unreleased: move them to ${version}.`);

// What breaks asks for a new first number, or before 1.0 for a new second one.
const before = VERSION.exec(chapters[at + 1]?.name.split(' - ')[0] ?? '');
if (before && /^### Breaking$/m.test(text)) {
  const place = parts[1] === '0' && before[1] === '0' ? 2 : 1;
  if (parts[place] === before[place]) stop(`${version} breaks something, so it cannot follow ${before[0]}.`);
}
console.log(text);
