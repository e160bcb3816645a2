// Maps that were kept in this browser, to be used for the next file of the same kind.
const key = 'gongshu.import-maps';
const most = 40;

export interface KeptMap {
  name: string;
  tenant: string;
  yaml: string;
  /** The heading it was made for: a file with the same one most likely wants the same map. */
  names: string[];
  kept: number;
}
function all(): KeptMap[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
    return Array.isArray(found) ? (found as KeptMap[]).filter((one) => typeof one?.name === 'string' && typeof one.yaml === 'string' && Array.isArray(one.names)) : [];
  } catch {
    return [];
  }
}
const store = (maps: KeptMap[]): void => localStorage.setItem(key, JSON.stringify(maps.slice(0, most)));
export const keptMaps = (tenant: string): KeptMap[] => all().filter((one) => one.tenant === tenant);
/** Takes the place of one of the same name. May throw where the browser keeps nothing. */
export function keepMap(map: KeptMap): void {
  store([map, ...all().filter((one) => one.name !== map.name || one.tenant !== map.tenant)]);
}
export const forgetMap = (tenant: string, name: string): void => store(all().filter((one) => one.name !== name || one.tenant !== tenant));
export const mapFor = (tenant: string, names: string[]): KeptMap | null => keptMaps(tenant).find((one) => one.names.length > 0 && one.names.join('\n') === names.join('\n')) ?? null;
