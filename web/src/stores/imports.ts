import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { ElMessage } from 'element-plus';
import * as api from '@/api/imports';
import { asProblem, type Problem } from '@/api/http';
import { i18n } from '@/i18n';
import { count } from '@/lib/format';
import { usePrefs } from './prefs';

const idleMs = 10_000;
const busyMs = 400;

/** Files that were sent and what became of them. One that was started here is watched to its end, on whatever page one is by then. */
export const useImports = defineStore('imports', () => {
  const items = shallowRef<api.Import[] | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const mine = new Set<string>();
  /** The page of this one tells of its end itself. */
  let onPage: string | null = null;
  let shown = 0;
  let round = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(fresh: api.Import[]): void {
    for (const one of fresh) {
      if (one.state === 'running' || !mine.delete(one.id) || onPage === one.id) continue;
      const { t } = i18n.global;
      const values = count(one.report?.values ?? 0, usePrefs().locale);
      if (one.state === 'done') ElMessage({ message: t('imports.toldDone', { file: one.file, values }), type: 'success' });
      else if (one.state === 'cancelled') ElMessage({ message: t('imports.toldCancelled', { file: one.file }) });
      else ElMessage({ message: t('imports.toldFailed', { file: one.file }), type: 'error', showClose: true, duration: 8000 });
    }
    items.value = fresh;
    problem.value = null;
  }
  async function refresh(): Promise<void> {
    const now = ++round;
    try {
      const fresh = await api.imports();
      if (now === round) take(fresh);
    } catch (error) {
      if (now === round) problem.value = asProblem(error);
      // Who may not see them any more keeps nothing of them on the page.
      if (now === round && problem.value?.status === 403) items.value = null;
    }
    if (now === round) next();
  }
  function next(): void {
    clearTimeout(timer);
    const busy = mine.size > 0 || (shown > 0 && Boolean(items.value?.some((one) => one.state === 'running')));
    if (!shown && !mine.size) return;
    if (problem.value?.status === 401 || problem.value?.status === 403) return;
    timer = setTimeout(() => (document.hidden && !busy ? next() : void refresh()), busy && !problem.value ? busyMs : idleMs);
  }
  function show(on: boolean): void {
    shown += on ? 1 : -1;
    if (on) void refresh();
  }
  /** Follows one that runs. `page`: its own page is open. */
  function watch(id: string): void {
    mine.add(id);
    void refresh();
  }
  function at(id: string | null): void {
    onPage = id;
  }
  function stop(): void {
    round++;
    clearTimeout(timer);
    mine.clear();
    items.value = problem.value = null;
  }
  const one = (id: string): api.Import | null => items.value?.find((x) => x.id === id) ?? null;
  const running = computed(() => items.value?.filter((x) => x.state === 'running').length ?? 0);
  return { items, problem, running, refresh, show, watch, at, stop, one };
});
