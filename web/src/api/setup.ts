import { call, get } from './http';

/** Where the server keeps things and who reaches it; nothing secret. */
export interface Setup {
  version: string;
  fresh: boolean;
  sites: number;
  sample: boolean;
  /** The file of --config, or ''. */
  config: string;
  data: { folder: string; free_bytes: number; total_bytes: number };
  keys: { folder: string };
  backups: { folder: string; every_s: number; keep: number };
  lan: string[];
  phone: { page: string; authority: string; qr: string } | null;
}
export interface FirstSite {
  name: string;
  title_zh: string;
  title_en: string;
  time_zone: string;
  person: string;
  sample: boolean;
}

export const setup = (): Promise<Setup> => get<Setup>('/setup');
/** All or nothing; `dry` only asks whether it would be taken. */
export const makeFirst = (wish: FirstSite, dry = false): Promise<{ stored: Record<string, number> }> =>
  call('POST', '/setup', { body: wish, query: dry ? { dry_run: 1 } : undefined });
