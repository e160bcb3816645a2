import { onScopeDispose, ref, shallowRef, watch, type Ref, type WatchSource } from 'vue';
import { asProblem, type Problem } from '@/api/http';

export interface Load<T> {
  data: Readonly<Ref<T | null>>;
  problem: Readonly<Ref<Problem | null>>;
  loading: Ref<boolean>;
  refresh: () => Promise<void>;
}

/**
 * Loads at once, again when `on` changes and each `everyMs` while the page is seen. A failed refresh keeps what was there.
 */
export function useLoad<T>(action: () => Promise<T>, options: { on?: WatchSource | WatchSource[]; everyMs?: number } = {}): Load<T> {
  const data = shallowRef<T | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const loading = ref(false);
  let round = 0;
  async function refresh(): Promise<void> {
    const mine = ++round;
    loading.value = true;
    try {
      const answer = await action();
      if (mine !== round) return;
      data.value = answer;
      problem.value = null;
    } catch (error) {
      if (mine === round) problem.value = asProblem(error);
    } finally {
      if (mine === round) loading.value = false;
    }
  }
  void refresh();
  if (options.on) watch(options.on, () => void refresh());
  if (options.everyMs) {
    const timer = setInterval(() => {
      if (!document.hidden && !loading.value) void refresh();
    }, options.everyMs);
    onScopeDispose(() => clearInterval(timer));
  }
  return { data, problem, loading, refresh };
}
