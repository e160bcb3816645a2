import { get } from './http';

export interface Both {
  zh: string;
  en: string;
}
export type DayKind = 'workday' | 'weekend' | 'holiday' | 'makeup' | 'exception_work' | 'exception_off';
export type Status = 'official' | 'third_party' | 'placeholder';
export type Tariff = 'sharp' | 'peak' | 'flat' | 'valley' | 'deep_valley';
export const tariffs: Tariff[] = ['sharp', 'peak', 'flat', 'valley', 'deep_valley'];

export interface DayInfo {
  day: string;
  kind: DayKind;
  working: boolean;
  /** False: what the authority says of this day is not known. */
  sure: boolean;
  title?: Both;
  status?: Status;
  source?: string;
  /** A weekend that is worked in exchange. */
  makeup?: boolean;
  exception?: string;
}
export interface Slot {
  shift: string;
  title: Both;
  team: { name: string; title: Both } | null;
  production_day: string;
  from: number;
  to: number;
}
export interface Slice {
  tariff: Tariff;
  from: number;
  to: number;
  season: number;
  title: Both;
  status: Status;
  source: string;
}
export interface Named {
  /** "" is the one that is built in. */
  calendar: string;
  built_in: boolean;
  zone: string;
}
export interface Now extends Named {
  at: number;
  production_day: string;
  month: string;
  production_window: { from: number; to: number };
  day: DayInfo;
  shift: Slot | null;
  next_shift: Slot | null;
  tariff: Slice | null;
}
export interface Year extends Named {
  year: number;
  holidays: string;
  known: boolean;
  arranged: boolean;
  note: Both;
  sources: { key: string; title: Both; address: string; note: Both }[];
  days: DayInfo[];
  working_days: number;
}

/** By its name, or by a place; neither: the default. */
export type Which = { calendar: string } | { place: string } | Record<string, never>;
const ms = { precision: 'ms' };
const time = (at: number): string => `${Math.round(at)}000000`;

export const calendarNow = (which: Which, at?: number): Promise<Now> => get('/calendars:now', { ...which, ...ms, at: at === undefined ? undefined : time(at) });
export const calendarShifts = (which: Which, from: number, to: number): Promise<Named & { shifts: Slot[] }> => get('/calendars:shifts', { ...which, ...ms, from: time(from), to: time(to) });
export const calendarTariffs = (which: Which, from: number, to: number): Promise<Named & { slices: Slice[]; hours: Record<Tariff, number> }> => get('/calendars:tariffs', { ...which, ...ms, from: time(from), to: time(to) });
export const calendarYear = (which: Which, year: number): Promise<Year> => get('/calendars:year', { ...which, year: String(year) });
