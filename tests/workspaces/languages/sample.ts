import { EventEmitter } from 'events';

export type Listener<T> = (value: T) => void;

type Pair = [string, number];

export interface Store<T> {
  readonly size: number;
  get(key: string): T | undefined;
  set(key: string, value: T): void;
}

export enum Level {
  Debug,
  Info,
}

export const enum Flag {
  On = 1,
}

declare function external(name: string): void;

namespace Inner {
  export function helper(): number {
    return 1;
  }
}

/** Keeps values for a while. */
@injectable()
export class Cache<T> extends EventEmitter implements Store<T> {
  private readonly values = new Map<string, T>();

  constructor(private readonly limit: number) {
    super();
  }

  get size(): number {
    return this.values.size;
  }

  get(key: string): T | undefined {
    return this.values.get(key);
  }

  set(key: string, value: T): void {
    if (this.values.size >= this.limit) {
      this.evict();
    }
    this.values.set(key, value);
  }

  private evict = (): void => {
    const first = this.values.keys().next().value;
    if (first !== undefined) this.values.delete(first);
  };
}

export abstract class Shape {
  abstract area(): number;

  describe(): string {
    return `area ${this.area()}`;
  }
}

export const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high);

export const DEFAULTS = { limit: 100 };

export async function load<T>(store: Store<T>, key: string): Promise<T> {
  const found = store.get(key);
  if (found === undefined) {
    throw new Error(`no ${key}`);
  }
  return found;
}

export function overload(a: string): string;
export function overload(a: number): number;
export function overload(a: unknown): unknown {
  return a;
}

export default class {
  run() {
    return 1;
  }
}
