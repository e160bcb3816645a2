import { onScopeDispose, shallowRef, watch, type Ref } from 'vue';
import { oneCase, type WholeCase } from '@/api/cases';
import { asProblem, type Problem } from '@/api/http';
import { useCases } from '@/stores/cases';

const everyMs = 10_000;

/** One case, read again while the page is seen; a failed reading keeps what was there. */
export function useCase(id: Ref<string | null>): { data: Readonly<Ref<WholeCase | null>>; problem: Readonly<Ref<Problem | null>>; reread: () => Promise<WholeCase | null>; take: (fresh: WholeCase) => void } {
  const data = shallowRef<WholeCase | null>(null);
  const problem = shallowRef<Problem | null>(null);
  const cases = useCases();
  async function reread(): Promise<WholeCase | null> {
    const asked = id.value;
    if (!asked) return null;
    try {
      const [fresh] = await Promise.all([oneCase(asked), cases.ensure()]);
      if (asked === id.value) {
        data.value = fresh;
        problem.value = null;
      }
      return fresh;
    } catch (error) {
      if (asked === id.value) problem.value = asProblem(error);
      return null;
    }
  }
  function take(fresh: WholeCase): void {
    if (fresh.id === id.value) data.value = fresh;
    void cases.refresh();
  }
  watch(id, () => {
    if (data.value?.id !== id.value) data.value = null;
    problem.value = null;
    void reread();
  }, { immediate: true });
  const timer = setInterval(() => !document.hidden && id.value && void reread(), everyMs);
  onScopeDispose(() => clearInterval(timer));
  return { data, problem, reread, take };
}
