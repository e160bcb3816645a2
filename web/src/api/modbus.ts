import { get } from './http';

export interface ModbusMaster {
  address: string;
  since: number;
  last_request: number | null;
  requests: number;
  exceptions: number;
}
/** How a server gets on that shows tags to Modbus masters. */
export interface ModbusServerStatus {
  name: string;
  state: 'off' | 'listening' | 'failed';
  address: string;
  /** Why it failed. */
  problem: string;
  since: number | null;
  entries: number;
  /** Entries without a value that can be used. */
  bad: number;
  requests: number;
  exceptions: number;
  writes: number;
  turned_away: number;
  last_master: string;
  last_master_at: number | null;
  /** Of the last request that was refused; it stays. */
  last_error: string;
  last_error_at: number | null;
  masters: ModbusMaster[];
  /** Entries that cannot be shown at all. */
  faults: { entry: number; tag: string; why: string }[];
}
export const modbusServers = async (): Promise<ModbusServerStatus[]> => (await get<{ items: ModbusServerStatus[] }>('/status/modbus_servers', { precision: 'ms' })).items;
