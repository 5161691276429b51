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

const HEAD = `# Settings of Zoneferry. Copy to .env in the working directory and uncomment what you change;
# a variable of the environment wins over this file, an empty value is the default.`;

function quote(value: string): string {
  return /[\s*#]/.test(value) ? `"${value}"` : value;
}
