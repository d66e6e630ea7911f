/** One kind of object in creation order, with look-ups by indexed values. */
export interface Row<T> {
  /** Rises with every object that was ever made: the order of lists, and what cursors stand on. */
  readonly seq: number;
  readonly id: string;
  readonly item: T;
}

export interface Table<T> {
  get(id: string): T | undefined;
  /** Adds, or replaces in place. */
  put(id: string, item: T, seq: number): void;
  delete(id: string): boolean;
  seqOf(id: string): number | undefined;
  /** Rows after `seq` in order; only those with this indexed value, when one is given. */
  after(seq: number, by?: { readonly index: string; readonly value: string }): Iterable<Row<T>>;
  /** Objects with this indexed value. */
  find(index: string, value: string): T[];
  readonly size: number;
}

/** Gives the values under which an object is found, by index. Values ignore case. */
export type Indexes<T> = Readonly<Record<string, (item: T) => readonly string[]>>;

export function table<T>(indexes: Indexes<T>): Table<T> {
  const rows = new Map<string, Row<T>>();
  /** In order of `seq`; deleted ones are taken out. */
  const order: Array<Row<T>> = [];
  const indexed = new Map<string, Map<string, Set<string>>>(Object.keys(indexes).map((name) => [name, new Map()]));

  /** First position in `order` whose row lies after `seq`. */
  const position = (seq: number): number => {
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((order[middle]?.seq ?? 0) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const eachKey = (item: T, act: (keys: Map<string, Set<string>>, value: string) => void): void => {
    for (const [name, values] of Object.entries(indexes)) {
      const keys = indexed.get(name);
      if (keys !== undefined) for (const value of values(item)) act(keys, value.toLowerCase());
    }
  };
  const unindex = (row: Row<T>): void =>
    eachKey(row.item, (keys, value) => {
      const ids = keys.get(value);
      ids?.delete(row.id);
      if (ids?.size === 0) keys.delete(value);
    });
  const index = (row: Row<T>): void =>
    eachKey(row.item, (keys, value) => {
      const ids = keys.get(value);
      if (ids === undefined) keys.set(value, new Set([row.id]));
      else ids.add(row.id);
    });
  const held = (name: string, value: string): Array<Row<T>> =>
    [...(indexed.get(name)?.get(value.toLowerCase()) ?? [])]
      .map((id) => rows.get(id))
      .filter((row) => row !== undefined)
      .toSorted((a, b) => a.seq - b.seq);

  return {
    get: (id) => rows.get(id)?.item,
    seqOf: (id) => rows.get(id)?.seq,
    put(id, item, seq) {
      const old = rows.get(id);
      const row = { id, item, seq: old?.seq ?? seq };
      if (old !== undefined) unindex(old);
      rows.set(id, row);
      index(row);
      order.splice(position(row.seq - 1), old === undefined ? 0 : 1, row);
    },
    delete(id) {
      const row = rows.get(id);
      if (row === undefined) return false;
      unindex(row);
      rows.delete(id);
      order.splice(position(row.seq - 1), 1);
      return true;
    },
    *after(seq, by) {
      if (by !== undefined) {
        for (const row of held(by.index, by.value)) if (row.seq > seq) yield row;
        return;
      }
      for (let at = position(seq); at < order.length; at += 1) {
        const row = order[at];
        if (row !== undefined) yield row;
      }
    },
    find: (name, value) => held(name, value).map((row) => row.item),
    get size() {
      return rows.size;
    },
  };
}
