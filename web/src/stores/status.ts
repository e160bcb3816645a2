import { defineStore } from 'pinia';
import { shallowRef } from 'vue';
import { status as load, type Status } from '@/api/status';

/** What the server says of itself, asked again each half minute. */
export const useStatus = defineStore('status', () => {
  const status = shallowRef<Status | null>(null);
  const skew = shallowRef(0);
  let timer: ReturnType<typeof setInterval> | undefined;
  async function refresh(): Promise<void> {
    const began = Date.now();
    status.value = await load();
    skew.value = status.value.now - (began + Date.now()) / 2;
  }
  const quiet = (): void => void refresh().catch(() => undefined);
  function start(): void {
    if (timer) return;
    quiet();
    timer = setInterval(quiet, 30_000);
  }
  function stop(): void {
    clearInterval(timer);
    timer = undefined;
    status.value = null;
  }
  return { status, skew, refresh, start, stop };
});
