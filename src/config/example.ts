import { type Setting, settings } from './settings.ts';

/** The whole text of `.env.example`: every setting with its help, unit and default, all commented out. */
export function renderExample(): string {
  const blocks = Object.values<Setting<unknown>>(settings).map((setting) =>
    [
      `# ${setting.help}`,
      `# Unit: ${setting.unit}. ${setting.default === undefined ? `Unset: ${setting.unset}.` : `Default: ${setting.default}`}`,
      `#${setting.name}=${quote(setting.default ?? '')}`,
      ...(setting.examples ?? []).flatMap(([value, what]) => [
        `# ${what}:`,
        `#${setting.name}=${quote(value)}`,
      ]),
    ].join('\n'),
  );
  return `${[HEAD, ...blocks].join('\n\n')}\n`;
}

/** The whole text of `docs/settings.md`: the same as a table. */
export function renderSettingsPage(): string {
  const rows = Object.values<Setting<unknown>>(settings).map(
    ({ name, help, unit, default: value, unset }) =>
      `| \`${name}\` | ${cell(unit)} | ${value === undefined ? `unset: ${cell(unset ?? '')}` : `\`${cell(value)}\``} | ${cell(help)} |`,
  );
  return `${[PAGE_HEAD, '| setting | takes | by default | for |\n| --- | --- | --- | --- |', ...rows].join('\n')}\n`;
}

const PAGE_HEAD = `# Settings

From the environment, or from \`.env\` in the working directory; the environment wins, an empty value is the default. A bad value stops the start with one line that
names it. \`zoneferry env\` prints those in force. What belongs together is explained in [operations.md](operations.md).
`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

const HEAD = `# Settings of Zoneferry. Copy to .env in the working directory and uncomment what you change;
# a variable of the environment wins over this file, an empty value is the default.`;

function quote(value: string): string {
  return /[\s*#]/.test(value) ? `"${value}"` : value;
}
