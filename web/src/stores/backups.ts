import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { ElMessage } from 'element-plus';
import { asProblem, type Problem } from '@/api/http';
import * as api from '@/api/backups';
import { i18n } from '@/i18n';
import { rateOf, timeLeft, timeOf, wasCancelled, wordsOf, type Sample } from '@/lib/backups';
import { dateTime } from '@/lib/format';

const checksKey = 'gongshu.backup-checks';
const idleMs = 10_000;
const busyMs = 500;

/** Backups of the server. A job that runs is watched to its end, on whatever page one is by then. */
export const useBackups = defineStore('backups', () => {
  const data = shallowRef<api.Backups | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const samples = shallowRef<Sample[]>([]);
  // The server remembers only the last check: what the others told is kept while this window is open.
  const checks = shallowRef(new Map<string, api.Ended>(JSON.parse(sessionStorage.getItem(checksKey) ?? '[]') as [string, api.Ended][]));
  let shown = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round = 0;

  function take(fresh: api.Backups): void {
    const before = data.value?.running;
    data.value = fresh;
    problem.value = null;
    const run = fresh.running;
    samples.value = run ? [...(before?.since === run.since ? samples.value : []), { at: performance.now(), bytes: run.bytes_done }].slice(-240) : [];
    const end = fresh.last;
    if (end?.work === 'check' && end.name && !wasCancelled(end.error) && checks.value.get(end.name)?.ended !== end.ended) {
      checks.value = new Map(checks.value).set(end.name, end);
      sessionStorage.setItem(checksKey, JSON.stringify([...checks.value]));
    }
    if (before && !run && end) tell(end);
  }
  function tell(end: api.Ended): void {
    const t = i18n.global.t;
    const words = wordsOf(end.work);
    if (wasCancelled(end.error)) ElMessage({ message: t(words.cancelled) });
    else if (end.error) ElMessage({ message: `${t(words.failed)}: ${end.error}`, type: 'error', showClose: true, duration: 0 });
    else ElMessage({ message: t(words.well, { name: dateTime(timeOf(end.name)) }), type: 'success' });
  }
  async function refresh(): Promise<void> {
    const mine = ++round;
    try {
      const fresh = await api.backups();
      if (mine === round) take(fresh);
    } catch (error) {
      if (mine === round) problem.value = asProblem(error);
    }
    if (mine === round) next();
  }
  function next(): void {
    clearTimeout(timer);
    const busy = Boolean(data.value?.running) && problem.value?.status !== 401;
    if (shown || busy) timer = setTimeout(() => (document.hidden && !busy ? next() : void refresh()), busy && !problem.value ? busyMs : idleMs);
  }
  async function act(action: Promise<api.Backups>): Promise<void> {
    try {
      const fresh = await action;
      round++;
      take(fresh);
    } finally {
      next();
    }
  }
  function show(on: boolean): void {
    shown = on;
    if (on) void refresh();
  }
  function stop(): void {
    round++;
    clearTimeout(timer);
    shown = false;
    data.value = problem.value = null;
    samples.value = [];
  }
  const rate = computed(() => rateOf(samples.value));
  const left = computed(() => (data.value?.running ? timeLeft(data.value.running.bytes_done, data.value.running.bytes, rate.value) : null));
  return { data, problem, checks, rate, left, refresh, show, stop, make: () => act(api.make()), cancel: () => act(api.cancel()), check: (name: string) => act(api.check(name)), drill: (name: string) => act(api.drill(name)), remove: (name: string) => act(api.remove(name)) };
});
