package dev.headwater.replay.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a replay found. The names are the report's stable JSON keys. Accuracy is prequential (Dawid
 * 1984; Gama et al. 2013): a record counts under the head that scored it, before anything learned
 * from it.
 *
 * @param records in the stream, valid or not
 * @param predictions on the predictions topic, one a record, duplicates included
 * @param duplicates outcomes (prediction or dead letter) of a record beyond its first
 * @param samples labelled, by what they were kept for; each record once
 * @param labelsUsedFraction share of records of which a label was delivered, to whatever end
 * @param accuracy of the first task, as are {@code iou}, {@code byDomain}, {@code versions} and
 *     {@code finalHead}; of a dense task the share of pixels, of a multi-label task that of records
 *     all of whose labels are right, of a regression task nothing
 * @param iou intersection over union of the foreground, of a dense task: both summed over the
 *     pixels of all records in question, and over every label but the first, the background; absent
 *     of others
 * @param rmse root of the mean squared error of a regression task, on its scale; absent of others
 * @param coverage share of the records whose true number was in its interval, likewise, among those
 *     that had one
 * @param byDomain the same by the value of the stream's domain field; absent where it has none
 * @param versions every candidate the gate judged, in order
 * @param latency null where nothing was predicted
 * @param finalHead the last live head as one ONNX file; null where nothing was exported
 * @param tasks what is told of each task, by its name
 */
public record ReplayReport(
    int records,
    int predictions,
    int deadLetters,
    int duplicates,
    Samples samples,
    double labelsUsedFraction,
    Comparison accuracy,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison iou,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison rmse,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison coverage,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Map<String, Domain> byDomain,
    List<Version> versions,
    Throughput throughput,
    @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Latency latency,
    @Nullable String finalHead,
    Map<String, Task> tasks) {

  /** What is told of one task. */
  public record Task(
      Comparison accuracy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison iou,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison rmse,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison coverage,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Map<String, Domain> byDomain,
      double labelsUsedFraction,
      List<Version> versions,
      @Nullable String finalHead) {}

  /** What is told of the records of one domain. */
  public record Domain(
      Comparison accuracy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison iou,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison rmse,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison coverage) {}

  /** Labelled samples, by reason. */
  public record Samples(int unsure, int audit) {}

  /** The head that learns, and the one that does not, on the same records. */
  public record Comparison(Accuracy adaptive, Accuracy frozen) {}

  /**
   * Shares of right predictions among the predicted records whose truth is known.
   *
   * @param overall null where there is no such record
   * @param segments ten equal parts of the stream, in its order; null for a part without any
   */
  public record Accuracy(@Nullable Double overall, List<@Nullable Double> segments) {}

  /**
   * A judged candidate.
   *
   * @param atRecord index (from 0) of the first record predicted under it; for one that never
   *     served, how many records had an outcome when its verdict came
   * @param verdict {@code accepted} or {@code refused}
   * @param judged labelled samples it was judged on
   */
  public record Version(
      long version,
      int atRecord,
      String trigger,
      String device,
      String verdict,
      String reason,
      int judged) {}

  /** From the first record sent to the last outcome seen. */
  public record Throughput(double recordsPerSecond) {}

  /**
   * Seconds from a record's timestamp until a read_committed consumer had its prediction, the
   * commit included: quantiles over all predictions of the first task.
   */
  public record Latency(double p50, double p95, double p99, double max) {}

  /**
   * Makes a report's directory where there is none.
   *
   * @throws IOException where no report can be written there, before the run that it is for
   */
  public static void probe(Path file) throws IOException {
    makeDirectory(file);
    if (Files.isDirectory(file)) {
      throw new IOException(file + " is a directory");
    }
    if (Files.notExists(file, LinkOption.NOFOLLOW_LINKS)) {
      Files.createFile(file);
      Files.delete(file);
    } else if (Files.isRegularFile(file)) {
      Files.newOutputStream(file, StandardOpenOption.APPEND).close();
    }
  }

  private static void makeDirectory(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
  }

  /** Writes the report as JSON, making its directory where there is none. */
  public void write(Path file) throws IOException {
    makeDirectory(file);
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    Files.write(file, Json.MAPPER.writer(printer).writeValueAsBytes(this));
  }
}
