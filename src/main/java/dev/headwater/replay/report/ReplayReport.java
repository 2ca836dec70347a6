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
 * The report of a replay. Component names are stable JSON keys. Accuracy is prequential (Dawid
 * 1984; Gama et al. 2013): each record is scored before any head is trained on it.
 *
 * @param records number of records in the stream, valid or not
 * @param predictions number of records on the predictions topic, including duplicates
 * @param duplicates number of outcomes (predictions or dead letters) beyond the first of a record
 * @param samples number of labelled samples by reason, each record counted once
 * @param labelsUsedFraction share of records for which a label was delivered
 * @param accuracy accuracy of the first task, like {@code iou}, {@code rmse}, {@code coverage},
 *     {@code byDomain}, {@code versions} and {@code finalHead}. Dense task: share of correct
 *     pixels; multi-label task: share of records with all labels correct; regression task: null
 *     values
 * @param iou intersection over union of a dense task, both summed over all pixels and over all
 *     labels except the first, the background; absent for other tasks
 * @param rmse root mean squared error of a regression task, on its scale; absent for other tasks
 * @param coverage share of true values within their interval, among predictions of a regression
 *     task with an interval; absent for other tasks
 * @param byDomain the same metrics by value of the domain field; absent without one
 * @param versions all candidates evaluated by the gate, in order
 * @param latency null without predictions
 * @param finalHead ONNX file of the last live head; null if it was not exported
 * @param tasks results by task name
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

  /** The results of one task. */
  public record Task(
      Comparison accuracy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison iou,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison rmse,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison coverage,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Map<String, Domain> byDomain,
      double labelsUsedFraction,
      List<Version> versions,
      @Nullable String finalHead) {}

  /** The results on the records of one domain. */
  public record Domain(
      Comparison accuracy,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison iou,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison rmse,
      @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Comparison coverage) {}

  /** Numbers of labelled samples by reason; {@code unsure} means low-confidence. */
  public record Samples(int unsure, int audit) {}

  /** The adaptive and the frozen head on the same records. */
  public record Comparison(Accuracy adaptive, Accuracy frozen) {}

  /**
   * The share of correct predictions among the predicted records with known ground truth.
   *
   * @param overall value over the whole stream; null without such records
   * @param segments values for ten equal parts of the stream in order; null for a part without such
   *     records
   */
  public record Accuracy(@Nullable Double overall, List<@Nullable Double> segments) {}

  /**
   * A candidate evaluated by the gate.
   *
   * @param atRecord index (from 0) of the first record predicted with it; for a candidate that
   *     never became live, the number of records with an outcome at the time of its verdict
   * @param verdict {@code accepted} or {@code refused} (rejected)
   * @param judged number of labelled samples in the evaluation
   */
  public record Version(
      long version,
      int atRecord,
      String trigger,
      String device,
      String verdict,
      String reason,
      int judged) {}

  /** Throughput from the first record sent to the last outcome consumed. */
  public record Throughput(double recordsPerSecond) {}

  /**
   * Quantiles of the time from a record's timestamp to its prediction being consumed with
   * read_committed, commit included, in seconds.
   */
  public record Latency(double p50, double p95, double p99, double max) {}

  /**
   * Checks before a run that the report can be written. Creates its directory if it is missing.
   *
   * @throws IOException if the report cannot be written
   */
  public static void probe(Path file) throws IOException {
    createParentDirectory(file);
    if (Files.isDirectory(file)) {
      throw new IOException("cannot write the report to %s: it is a directory".formatted(file));
    }
    if (Files.notExists(file, LinkOption.NOFOLLOW_LINKS)) {
      Files.createFile(file);
      Files.delete(file);
    } else if (Files.isRegularFile(file)) {
      Files.newOutputStream(file, StandardOpenOption.APPEND).close();
    }
  }

  private static void createParentDirectory(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
  }

  /** Writes the report as JSON. Creates its directory if it is missing. */
  public void write(Path file) throws IOException {
    createParentDirectory(file);
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    Files.write(file, Json.MAPPER.writer(printer).writeValueAsBytes(this));
  }
}
