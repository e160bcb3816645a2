import { ApiError, call, part } from './http';
import type { Difference } from './resources';

/** Devices or the tags of devices. */
export type SheetKind = 'devices' | 'tags';
export type What = 'created' | 'changed' | 'deleted' | 'moved' | 'unchanged' | 'refused';

export interface Fault {
  column: string;
  found?: string;
  expected?: { zh: string; en: string };
  error?: string;
}
export interface Part {
  kind: string;
  name: string;
  what: string;
  differences?: Difference[];
  kept: Difference[];
}
export interface Line {
  line: number;
  name: string;
  what: What;
  faults: Fault[];
  changes?: { column: string; before: string; after: string }[];
  parts?: Part[];
}
/** What a sheet or a template with its rows changes, or would change. */
export interface Report {
  dry_run: boolean;
  stored: boolean;
  seen: string;
  counts: Record<What, number>;
  lines: Line[];
}

/** What was refused tells its lines like a dry run. */
async function report(path: string, options: { csv?: string | ArrayBuffer; body?: unknown; seen?: string; signal?: AbortSignal }): Promise<Report> {
  try {
    return await call<Report>('POST', path, { csv: options.csv, body: options.body, ifMatch: options.seen, query: { dry_run: options.seen ? undefined : 1 }, signal: options.signal });
  } catch (error) {
    const members = error instanceof ApiError ? (error.problem as unknown as Partial<Report>) : {};
    if (error instanceof ApiError && error.status === 400 && members.counts) return members as Report;
    throw error;
  }
}

export const exportSheet = (kind: SheetKind, header: 'zh' | 'en', name?: string): Promise<string> =>
  call<string>('GET', `/${kind}:export`, { query: { header, name }, text: true });
/** Without `seen` only looks; with what a look told, does it. */
export const importSheet = (kind: SheetKind, csv: string | ArrayBuffer, seen?: string): Promise<Report> => report(`/${kind}:import`, { csv, seen });
export const makeDevices = (template: string, rows: object[], seen?: string, signal?: AbortSignal): Promise<Report> =>
  report(`/device_templates/${part(template)}:make`, { body: { rows }, seen, signal });
export const updateDevices = (template: string, seen?: string): Promise<Report> => report(`/device_templates/${part(template)}:update`, { body: {}, seen });
export const detachDevices = (template: string, seen?: string): Promise<Report> => report(`/device_templates/${part(template)}:detach`, { body: {}, seen });
