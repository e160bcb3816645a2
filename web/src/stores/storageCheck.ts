import { defineStore } from 'pinia';
import { computed, shallowRef } from 'vue';
import { ElMessage } from 'element-plus';
import { cancelStorageCheck, checkStorage, storage, type StorageCheck } from '@/api/storage';
import { i18n } from '@/i18n';
import { rateOf, timeLeft, wasCancelled, type Sample } from '@/lib/backups';

const busyMs = 700;

/** The check of the storage, watched to its end on whatever page one is by then. */
export const useStorageCheck = defineStore('storageCheck', () => {
  const check = shallowRef<StorageCheck | null>(null);
  const samples = shallowRef<Sample[]>([]);
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(fresh: StorageCheck): void {
    const before = check.value;
    check.value = fresh;
    samples.value = fresh.running ? [...(before?.since === fresh.since ? samples.value : []), { at: performance.now(), bytes: fresh.bytes_done }].slice(-120) : [];
    clearTimeout(timer);
    if (fresh.running) timer = setTimeout(() => void look(), busyMs);
    else if (before?.running) tell(fresh);
  }
  async function look(): Promise<void> {
    try {
      const { server } = await storage(1);
      if (server) take(server.check);
    } catch {
      timer = setTimeout(() => void look(), busyMs * 5);
    }
  }
  function tell(end: StorageCheck): void {
    const t = i18n.global.t;
    if (wasCancelled(end.error)) ElMessage({ message: t('storage.checkCancelled') });
    else if (end.error) ElMessage({ message: `${t('storage.checkFailed')}: ${end.error}`, type: 'error', showClose: true, duration: 0 });
    else if (end.problem_count) ElMessage({ message: t('storage.checkBad', { n: end.problem_count }, end.problem_count), type: 'error', showClose: true, duration: 0 });
    else ElMessage({ message: t('storage.checkGood'), type: 'success' });
  }
  function stop(): void {
    clearTimeout(timer);
    check.value = null;
    samples.value = [];
  }
  const rate = computed(() => rateOf(samples.value));
  const left = computed(() => (check.value?.running ? timeLeft(check.value.bytes_done, check.value.bytes, rate.value) : null));
  return { check, rate, left, take, stop, start: async () => take((await checkStorage()).check), cancel: async () => take((await cancelStorageCheck()).check) };
});
