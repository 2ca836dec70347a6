package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Backtest on a labelled stream. */
public interface RawReplay {
  /** Labelled stream: a JSONL file with one record per line, in order. Not set by default. */
  Optional<Path> stream();

  /**
   * JSONL file with labelled records. If set, head 1 is trained on them before the first record of
   * the stream. Not set by default.
   */
  Optional<Path> history();

  /**
   * Fields that are removed from a record before it is sent. The first holds the label of the first
   * task, also for {@code train --from}.
   */
  @WithDefault("label")
  List<String> truthFields();

  /**
   * Location of the label by task. Defaults to the field with the name of the task; for the first
   * task, to the first of {@code replay.truth-fields}.
   */
  Map<String, RawTruth> truths();

  /** Location of the label of one task. */
  interface RawTruth {
    /** Field of the record that holds the label. Required. */
    String field();

    /**
     * JSON object that maps the field's values to labels. Not set by default: the value is the
     * label.
     */
    Optional<Path> names();
  }

  /** Field by whose value the report is broken down, for up to 1000 values. Not set by default. */
  Optional<String> domainField();

  /** Records sent per second, greater than 0 and at most 1000000. */
  @WithDefault("100")
  @WithConverter(Converters.Rate.class)
  double rate();

  /** Time between the label request of a record and its label, 0 or more. */
  @WithDefault("0s")
  @WithConverter(Converters.Time.class)
  Duration labelDelay();

  /** Whether a trainer runs. With {@code false}, the replay measures the head of the bundle. */
  @WithDefault("true")
  @WithConverter(Converters.Flag.class)
  boolean adapt();

  /** Bootstrap servers of the broker to use. Defaults to an embedded broker. */
  Optional<String> bootstrapServers();

  /** JSON file for the report. Not set by default; the final head is exported beside it. */
  Optional<Path> report();

  /** HTML file for the report: one file without external resources. Not set by default. */
  Optional<Path> html();

  /**
   * Directory for everything a read-committed consumer received, from which the report can be
   * recomputed. Not set by default.
   */
  Optional<Path> dump();

  /** Time without progress after which the replay fails, greater than 0. */
  @WithDefault("1m")
  @WithConverter(Converters.Time.class)
  Duration stallTimeout();
}
