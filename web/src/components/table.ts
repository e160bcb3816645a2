export interface Column<T> {
  key: string;
  title: string;
  /** Raw value: sorted, filtered and exported. */
  value: (row: T) => string | number | boolean | null | undefined;
  /** CSS width: "120px" or a share "2fr". */
  width?: string;
  number?: boolean;
  /** Not shown until chosen. */
  hidden?: boolean;
  /** Stays out of the card on a phone. */
  desktop?: boolean;
  mono?: boolean;
  /** On a phone's card the text may take two lines. */
  wrap?: boolean;
}
