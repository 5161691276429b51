import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';

/** What the documentation points at is there: files of this repository by name, other pages and their sections. */

const ROOT = resolve(import.meta.dirname, '..');
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  ...pagesIn('docs'),
  ...pagesIn('docs/decisions'),
];
const FILES = ['src', 'sql', 'test', 'bench'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `/${folder}/${name}`),
);

function pagesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => (name.endsWith('.md') ? `${folder}/${name}` : []));
}

test.each(PAGES)('%s names files that there are', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const named = [...text.matchAll(/`([a-zA-Z0-9_./-]+\.(?:ts|sql))`/g)].map(([, name = '']) => name);
  // NNNN stands for a number that the reader chooses
  const wrong = named.filter(
    (name) => !name.includes('NNNN') && !FILES.some((file) => file.endsWith(`/${name}`)),
  );
  expect(wrong).toEqual([]);
});

test.each(PAGES)('%s links to pages and sections that there are', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
  const broken = links.filter((link) => {
    const [path = '', section] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(ROOT, target))) return true;
    return section !== undefined && !sectionsOf(target).includes(section);
  });
  expect(broken).toEqual([]);
});

/** As GitHub makes them of headings. */
function sectionsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
