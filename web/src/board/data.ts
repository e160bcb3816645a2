// What all widgets of a dashboard share: the tags it names, their last values and small trends, the range that is looked at.
import { computed, inject, shallowRef, watch, type ComputedRef, type InjectionKey, type Ref } from 'vue';
import { last, tags as loadTags, type Tag, type Value } from '@/api/data';
import { asProblem, type Problem } from '@/api/http';
import { plan, readLines } from '@/chart/read';
import type { Line } from '@/chart/series';
import { fill, globsFor, isGlob, type Board } from '@/lib/board';
import { useLoad } from '@/lib/load';
import type { Range } from '@/lib/range';
import { globMatcher } from '@/lib/tree';
import { useLive } from '@/stores/live';

const tagsMax = 5000;
const followMax = 2000;
const perRead = 40;
const renamedMax = 20;

export interface Shown {
  value: Value;
  quality: string;
  ts: number | null;
}
export interface BoardData {
  device: Ref<string>;
  range: ComputedRef<Range>;
  wall: ComputedRef<boolean>;
  /** Whether the tags were asked for already. */
  asked: ComputedRef<boolean>;
  problem: Readonly<Ref<Problem | null>>;
  /** A tag of a widget by the name that it has now; null: there is none, or none that the reader may see. */
  tag: (name: string) => Tag | null;
  /** Names and globs of a widget as the tags that are there. */
  resolve: (names: string[]) => Tag[];
  missing: (names: string[]) => string[];
  lastOf: (tag: Tag) => Shown;
  trend: (path: string) => Line | null;
  trendWindow: Readonly<Ref<{ from: number; to: number }>>;
  refresh: () => Promise<void>;
  zoom: (from: number, to: number) => void;
  reset: () => void;
}
export const boardKey: InjectionKey<BoardData> = Symbol('board');
export const useBoardData = (): BoardData => inject(boardKey)!;

export function makeBoardData(board: Ref<Board | null>, device: Ref<string>, range: ComputedRef<Range>, wall: ComputedRef<boolean>, zoom: BoardData['zoom'], reset: BoardData['reset']): BoardData {
  const live = useLive();
  const named = computed(() => [...new Set((board.value?.widgets ?? []).flatMap((w) => w.tags.map((x) => fill(x, device.value))))].filter((x) => x && !x.includes('${')).sort());
  const key = computed(() => named.value.join('\n'));
  const known = useLoad(async () => {
    const wanted = named.value;
    const answers = await Promise.all(globsFor(wanted).map((glob) => loadTags(glob, tagsMax)));
    const byName = new Map(answers.flatMap((a) => a.tags).map((tag) => [tag.path, tag]));
    // What has another name by now is found by its old one.
    const lost = wanted.filter((name) => !isGlob(name) && !byName.has(name)).slice(0, renamedMax);
    await Promise.all(lost.map(async (name) => {
      try {
        const series = (await last(name)).series[0];
        if (!series) return;
        const path = series.tag;
        const row = series.rows[0];
        const [deviceName, property] = [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];
        byName.set(name, { id: path, path, device: deviceName, property, type: typeof row?.[1] === 'string' ? 'text' : 'number', unit: series.unit, labels: {}, last: row ? [Number(row[0]), row[1] ?? null, String(row[2])] : null });
      } catch (error) {
        if (asProblem(error).status !== 404) throw error;
      }
    }));
    return { byName, all: [...byName.values()] };
  }, { on: key, everyMs: 60_000 });
  const tag = (name: string): Tag | null => known.data.value?.byName.get(fill(name, device.value)) ?? null;
  const matches = computed(() => {
    const out = new Map<string, Tag[]>();
    for (const name of named.value.filter(isGlob)) {
      const fits = globMatcher(name);
      out.set(name, (known.data.value?.all ?? []).filter((one) => fits(one.path)));
    }
    return out;
  });
  function resolve(names: string[]): Tag[] {
    const out = new Map<string, Tag>();
    for (const name of names.map((x) => fill(x, device.value))) {
      for (const one of isGlob(name) ? (matches.value.get(name) ?? []) : [tag(name)]) if (one) out.set(one.path, one);
    }
    return [...out.values()];
  }
  const missing = (names: string[]): string[] => (known.data.value ? names.map((x) => fill(x, device.value)).filter((name) => !isGlob(name) && !tag(name)) : []);
  live.follow(computed(() => resolve((board.value?.widgets ?? []).flatMap((w) => w.tags)).map((one) => one.path).slice(0, followMax)));
  function lastOf(one: Tag): Shown {
    const now = live.values.get(one.path);
    if (now) return now;
    return one.last ? { ts: one.last[0], value: one.last[1], quality: one.last[2] } : { ts: null, value: null, quality: 'good' };
  }

  // The small trends of all tiles in few questions
  const trended = computed(() => [...new Set((board.value?.widgets ?? []).filter((w) => w.kind === 'tile' && w.trend).flatMap((w) => resolve(w.tags)).filter((one) => one.type !== 'text').map((one) => one.path))]);
  const trends = shallowRef(new Map<string, Line>());
  const trendWindow = shallowRef({ from: 0, to: 1 });
  let lastRound = 0;
  const trendLoad = useLoad(async () => {
    const { from, to } = range.value;
    const groups: string[][] = [];
    for (let i = 0; i < trended.value.length; i += perRead) groups.push(trended.value.slice(i, i + perRead));
    const lines = (await Promise.all(groups.map((paths) => readLines(plan(paths, from, to, 120))))).flat();
    trends.value = new Map(lines.map((line) => [line.key, line]));
    trendWindow.value = { from, to };
    lastRound = Date.now();
    return null;
  }, { on: [computed(() => trended.value.join('\n')), () => range.value.live, () => (range.value.live ? 0 : range.value.from), () => (range.value.live ? 0 : range.value.to)] });
  // No oftener than a pixel of it moves.
  watch(() => range.value.to, () => {
    const every = Math.max(10_000, (range.value.to - range.value.from) / 120);
    if (range.value.live && !trendLoad.loading.value && Date.now() - lastRound > every) void trendLoad.refresh();
  });

  return {
    device, range, wall, asked: computed(() => known.data.value !== null), problem: known.problem, tag, resolve, missing, lastOf,
    trend: (path) => trends.value.get(path) ?? null, trendWindow, refresh: async () => void (await Promise.all([known.refresh(), trendLoad.refresh()])), zoom, reset,
  };
}
