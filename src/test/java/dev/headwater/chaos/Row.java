package dev.headwater.chaos;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import dev.headwater.stream.Guarantee.Kind;
import dev.headwater.stream.Guarantee.Violation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * What one fault did to one run.
 *
 * @param sent records
 * @param abortedTransactions of scorers, by the markers in the log
 * @param headVersions that made predictions, the bundle's own aside
 * @param refusedHeads by the gate of a trainer; null where there is none
 * @param secondsToRecover of each firing, until records sent after it were committed of every
 *     partition
 * @param violations null, as are the numbers of what is found in the end, of a run that never came
 *     to it
 * @param failure what kept the run from its end; null where nothing did
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Row(
    String fault,
    String protocol,
    int fired,
    int sent,
    Integer abortedTransactions,
    Integer headVersions,
    Integer refusedHeads,
    List<Double> secondsToRecover,
    @JsonIgnore List<Violation> violations,
    @JsonSerialize(using = ToStringSerializer.class) Throwable failure) {

  private static final int TOLD = 20;

  /** The first of them, as text. */
  @JsonProperty("violations")
  List<String> told() {
    return violations == null
        ? null
        : violations.stream().limit(TOLD).map(Violation::toString).toList();
  }

  @JsonProperty
  Long lost() {
    return count(Kind.LOST);
  }

  @JsonProperty
  Long duplicated() {
    return count(Kind.REPEATED);
  }

  @JsonProperty
  Long reordered() {
    return count(Kind.REORDERED);
  }

  @JsonProperty
  Long wrong() {
    return count(Kind.WRONG);
  }

  private Long count(Kind kind) {
    return violations == null ? null : violations.stream().filter(v -> v.kind() == kind).count();
  }

  private static final String LINE = "%-42s %-8s %5s %7s %7s %5s %7s %5s %5s %7s %5s %14s%n";

  /** For people. */
  static String table(List<Row> rows) {
    StringBuilder table = new StringBuilder();
    table.append(
        LINE.formatted(
            "fault",
            "protocol",
            "fired",
            "records",
            "aborted",
            "heads",
            "refused",
            "lost",
            "twice",
            "reorder",
            "wrong",
            "recovery, max"));
    for (Row row : rows) {
      table.append(
          LINE.formatted(
              row.fault,
              row.protocol,
              row.fired,
              row.sent,
              known(row.abortedTransactions),
              known(row.headVersions),
              known(row.refusedHeads),
              known(row.lost()),
              known(row.duplicated()),
              known(row.reordered()),
              known(row.wrong()),
              row.failure == null ? row.recovery() : "failed"));
    }
    return table.toString();
  }

  private static String known(Object number) {
    return Objects.toString(number, "-");
  }

  private String recovery() {
    List<Double> sorted = secondsToRecover.stream().sorted().toList();
    return sorted.isEmpty()
        ? "-"
        : String.format(
            Locale.ROOT,
            "%.1f s, %.1f s",
            sorted.get(sorted.size() / 2),
            sorted.get(sorted.size() - 1));
  }

  /** For programs. */
  static void write(List<Row> rows, Path file) throws IOException {
    new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(file.toFile(), rows);
  }
}
