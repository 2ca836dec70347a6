package dev.headwater.replay.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Json;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Source;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A dump of the committed outputs, to verify a report: {@code predictions.jsonl} (the bytes of the
 * topic), {@code samples.jsonl} (Avro samples, features as numbers) and {@code dead-letters.jsonl}
 * (id, source, field and cause). Without a directory nothing is written.
 */
public final class Dump implements AutoCloseable {
  private final Optional<Path> directory;
  private final List<OutputStream> open = new ArrayList<>();
  private final OutputStream predictions;
  private final OutputStream samples;
  private final OutputStream deadLetters;

  /** A dead letter; fields without a header are null. */
  public record DeadLetter(
      @Nullable String recordId,
      Source source,
      @Nullable String field,
      @Nullable String exception,
      @Nullable String message) {}

  /** Opens the files; creates the directory and overwrites files of an earlier replay. */
  public Dump(Optional<Path> directory) throws IOException {
    this.directory = directory;
    if (directory.isPresent()) {
      Files.createDirectories(directory.get());
    }
    this.predictions = open("predictions.jsonl");
    this.samples = open("samples.jsonl");
    this.deadLetters = open("dead-letters.jsonl");
  }

  public void prediction(byte[] json) throws IOException {
    line(predictions, json);
  }

  public void sample(Sample sample) throws IOException {
    if (directory.isPresent()) {
      line(samples, Json.MAPPER.writeValueAsBytes(json(sample)));
    }
  }

  public void deadLetter(DeadLetter letter) throws IOException {
    line(deadLetters, Json.MAPPER.writeValueAsBytes(letter));
  }

  @Override
  public void close() throws IOException {
    for (OutputStream out : open) {
      out.close();
    }
  }

  private static ObjectNode json(Sample sample) {
    Instant labelTime = sample.getLabelTime();
    return Json.MAPPER
        .createObjectNode()
        .put("recordId", sample.getRecordId())
        .put("task", sample.getTask())
        .put("backbone", sample.getBackbone())
        .put("reason", sample.getReason().name())
        .put("weight", sample.getWeight())
        .put("predicted", sample.getPredicted())
        .put("confidence", sample.getConfidence())
        .put("headVersion", sample.getHeadVersion())
        .put("recordTime", sample.getRecordTime().toString())
        .put("label", sample.getLabel())
        .put("labelTime", labelTime == null ? null : labelTime.toString())
        .put("rows", sample.getRows())
        .put("dim", sample.getDim())
        .putPOJO("features", SampleSerde.unpack(sample));
  }

  private OutputStream open(String name) throws IOException {
    if (directory.isEmpty()) {
      return OutputStream.nullOutputStream();
    }
    OutputStream out =
        new BufferedOutputStream(Files.newOutputStream(directory.get().resolve(name)));
    open.add(out);
    return out;
  }

  private static void line(OutputStream out, byte[] json) throws IOException {
    out.write(json);
    out.write("\n".getBytes(UTF_8));
  }
}
