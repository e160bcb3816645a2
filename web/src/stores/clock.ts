import { ref, type Ref } from 'vue';

const now = ref(Date.now());
let timer: ReturnType<typeof setInterval> | undefined;

/** The page's one ticking clock, in ms; a step a second. */
export function useNow(): Ref<number> {
  timer ??= setInterval(() => (now.value = Date.now()), 1000);
  return now;
}
