import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { ApiError } from '@/api/http';
import { list, one, type Resource, type Spec } from '@/api/resources';
import { asksForApproval, policyOf } from '@/lib/cases';
import { useSession } from './session';

/** A change that the server refused because a second person has to approve it. */
export interface Wish {
  plural: string;
  name: string;
  /** The revision it is a change of, 0 of a new one. */
  base: number;
  before: Spec | null;
  /** null: it is to be deleted. */
  spec: Spec | null;
}
/** "no": the refusal is about something else, and is the editor's to tell. */
export type Outcome = 'no' | 'shut' | 'asked';

/** Every editor hands its refused change to this one place; the frame holds the dialog. */
export const useApproval = defineStore('approval', () => {
  const session = useSession();
  const asking = shallowRef<{ wish: Wish; policy: Resource | null } | null>(null);
  let answer: ((outcome: Outcome) => void) | null = null;

  async function offer(error: unknown, wish: Wish): Promise<Outcome> {
    if (!(error instanceof ApiError) || error.status !== 403 || !session.can('operator')) return 'no';
    const said = asksForApproval(error.problem.detail);
    let policy: Resource | null = null;
    try {
      policy = policyOf(await list('approval_policies'), wish.plural, wish.name);
    } catch {
      // Who may not read the policies goes by what the refusal says.
    }
    if (!said && !policy) return 'no';
    finish('shut');
    return new Promise((resolve) => {
      answer = resolve;
      asking.value = { wish, policy };
    });
  }
  /** Of one in a list, which is not looked at as a whole: reads it first. */
  async function offerRemoval(error: unknown, plural: string, name: string): Promise<Outcome> {
    if (!(error instanceof ApiError) || error.status !== 403) return 'no';
    const now = await one(plural, name).catch(() => null);
    return now ? offer(error, { plural, name, base: now.revision, before: now.spec, spec: null }) : 'no';
  }
  function finish(outcome: Outcome): void {
    asking.value = null;
    answer?.(outcome);
    answer = null;
  }
  return { asking, offer, offerRemoval, finish };
});
