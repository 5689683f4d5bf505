/** What a user of `npm run bench` can choose. */
export interface BenchOptions {
  /** A smoke run: everything is exercised, nothing is measured well. */
  readonly quick: boolean;
  /** gw_interfaces of the memory benchmark. */
  readonly gwInterfaces: number;
  /** Runs of the scenario with instant timing. */
  readonly runs: number;
  /** Told of the progress of what takes long. */
  readonly say: (line: string) => void;
}

export interface BenchTable {
  readonly caption: string;
  readonly headings: readonly string[];
  readonly rows: ReadonlyArray<readonly string[]>;
}

/** Figures of one benchmark, for the terminal and for docs/benchmarks.md. */
export interface BenchReport {
  readonly tables: readonly BenchTable[];
  /** What has to be known to read the tables. */
  readonly notes: readonly string[];
}

export interface Benchmark {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  run(options: BenchOptions): Promise<BenchReport>;
}
