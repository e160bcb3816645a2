// Slash-separated names as a tree: site/area/line/device.

export interface Node<T> {
  name: string;
  path: string;
  depth: number;
  children: Node<T>[];
  item: T | null;
}

export function treeOf<T>(items: T[], pathOf: (item: T) => string): Node<T>[] {
  const root: Node<T> = { name: '', path: '', depth: -1, children: [], item: null };
  const byPath = new Map<string, Node<T>>([['', root]]);
  const nodeAt = (path: string): Node<T> => {
    const known = byPath.get(path);
    if (known) return known;
    const cut = path.lastIndexOf('/');
    const parent = nodeAt(cut < 0 ? '' : path.slice(0, cut));
    const node: Node<T> = { name: path.slice(cut + 1), path, depth: parent.depth + 1, children: [], item: null };
    parent.children.push(node);
    byPath.set(path, node);
    return node;
  };
  for (const item of items) nodeAt(pathOf(item)).item = item;
  const sort = (nodes: Node<T>[]): void => {
    nodes.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
    for (const node of nodes) sort(node.children);
  };
  sort(root.children);
  return root.children;
}

/** The rows that are seen when only `open` paths are unfolded. */
export function visible<T>(nodes: Node<T>[], open: (path: string) => boolean, out: Node<T>[] = []): Node<T>[] {
  for (const node of nodes) {
    out.push(node);
    if (node.children.length && open(node.path)) visible(node.children, open, out);
  }
  return out;
}

/** `a/**`, `*.speed`: the server's globs, for what is already here. */
export function globMatcher(glob: string): (path: string) => boolean {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*\*/g, '\u0000')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
    .replace(/\u0000/g, '.*');
  const pattern = new RegExp(`^${source}$`);
  return (path) => pattern.test(path);
}
