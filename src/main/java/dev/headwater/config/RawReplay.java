package dev.headwater.config;

import io.smallrye.config.WithConverter;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How a labelled stream is replayed. */
public interface RawReplay {
  Optional<Path> stream();

  /** Labelled records that head 1 is trained on before the first record. */
  Optional<Path> history();

  /** The first is the first task's label; none of them is sent with its record. */
  @WithDefault("label")
  List<String> truthFields();

  /** Where the label for another task is, by its name. */
  Map<String, RawTruth> truths();

  /** Where a label is. */
  interface RawTruth {
    String field();

    /** A JSON object from the field's values to labels. */
    Optional<Path> names();
  }

  /** By whose value the report tells apart. */
  Optional<String> domainField();

  @WithDefault("100")
  @WithConverter(Converters.Rate.class)
  double rate();

  @WithDefault("0s")
  @WithConverter(Converters.Time.class)
  Duration labelDelay();

  @WithDefault("true")
  @WithConverter(Converters.Flag.class)
  boolean adapt();

  /** Absent: a broker inside the process. */
  Optional<String> bootstrapServers();

  Optional<Path> report();

  /** The report as a page. */
  Optional<Path> html();

  Optional<Path> dump();

  @WithDefault("1m")
  @WithConverter(Converters.Time.class)
  Duration stallTimeout();
}
