package dev.headwater.adapt;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileSelection;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Scoring;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Trains the first head of each task on a file of labelled records, which also seed the replay
 * memory. A task that already has a trained head live is skipped.
 *
 * <p>The first head is evaluated on all samples, by cross-validation: no head has seen them yet.
 */
public final class History {
  private static final int CHUNK_SIZE = 512;

  private final TrainerSession.Parts parts;
  private final Scoring scoring;
  private final Consumer<String> progress;

  /**
   * @param scoring computes the features; of the same bundle
   * @param progress receives progress messages, and one message per skipped line of the file
   */
  public History(
      AdaptSettings settings,
      Gates gates,
      Bundle bundle,
      Scoring scoring,
      Topics topics,
      Map<String, Object> kafka,
      Clock clock,
      Consumer<String> progress) {
    this.parts =
        TrainerSession.Parts.of(settings, gates, bundle, topics, kafka, TrainerMetrics.NOOP, clock);
    this.scoring = scoring;
    this.progress = progress;
  }

  /**
   * Trains the first head of each task from a JSONL file of records.
   *
   * @param labelFields name of the label field, by task. A task is skipped where it has no label
   *     field, no line has a label for it, or a trained head is live
   * @return the trained heads, accepted or rejected
   * @throws IllegalStateException if no line is usable for a task without a trained head
   */
  public List<HeadInfo> train(Path file, Map<String, String> labelFields) throws IOException {
    List<Task> tasks = parts.bundle().tasks();
    List<Integer> selected =
        IntStream.range(0, tasks.size())
            .filter(i -> labelFields.containsKey(tasks.get(i).name()))
            .boxed()
            .toList();
    if (selected.isEmpty()) {
      throw new IllegalStateException(
          "cannot train on %s: no field contains the label itself for any task of %s"
              .formatted(file, tasks.stream().map(Task::name).toList()));
    }
    List<String> lines = lines(file);
    // read without a transactional writer: a run that fails here must not fence a running trainer
    HeadLog heads =
        HeadLog.read(parts.kafka(), parts.topics().heads(), parts.settings().heads().signatures());
    if (selected.stream().allMatch(i -> heads.liveVersion(tasks.get(i).name()) > 0)) {
      requireFirst(tasks.get(selected.get(0)), heads);
    }
    List<Sample> samples = samples(lines, selected, labelFields);
    Map<Integer, Learner> learners = new LinkedHashMap<>();
    List<Task> alreadyTrained = new ArrayList<>();
    for (int i : selected) {
      Learner learner = parts.learner(i);
      tasks.get(i).head().ifPresent(learner::live);
      samples.forEach(sample -> learner.add(sample, 0, -1));
      String field = labelFields.get(tasks.get(i).name());
      if (learner.memorySize() == 0 || !learner.hasLabels()) {
        progress.accept(
            "%s: skipped: no line has a valid record and a label in field '%s'"
                .formatted(tasks.get(i).name(), field));
        continue;
      }
      if (heads.liveVersion(tasks.get(i).name()) > 0) {
        alreadyTrained.add(tasks.get(i)); // an earlier run may have ended between two tasks
        continue;
      }
      learners.put(i, learner);
    }
    if (learners.isEmpty()) {
      alreadyTrained.forEach(task -> requireFirst(task, heads));
      throw new IllegalStateException(
          "no line of %s has a valid record and a label in field '%s'"
              .formatted(file, labelFields.get(tasks.get(selected.get(0)).name())));
    }
    Set<String> trainedNames = alreadyTrained.stream().map(Task::name).collect(Collectors.toSet());
    trainedNames.forEach(
        task ->
            progress.accept(
                "%s: skipped: head %d is already live".formatted(task, heads.liveVersion(task))));
    return publish(
        samples.stream().filter(sample -> !trainedNames.contains(sample.getTask())).toList(),
        learners);
  }

  private static List<String> lines(Path file) throws IOException {
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new IOException(file + " is not UTF-8"); // the cause has no further details
    }
  }

  private List<HeadInfo> publish(List<Sample> samples, Map<Integer, Learner> learners) {
    List<Task> tasks = parts.bundle().tasks();
    try (HeadPublisher publisher = parts.publisher()) {
      HeadLog heads = publisher.read();
      learners.keySet().forEach(i -> requireFirst(tasks.get(i), heads));
      produce(samples);
      List<HeadInfo> first = new ArrayList<>();
      learners.forEach((i, learner) -> first.add(train(tasks.get(i), learner, publisher, heads)));
      return first;
    }
  }

  private HeadInfo train(Task task, Learner learner, HeadPublisher publisher, HeadLog heads) {
    progress.accept("%s: training on %d samples".formatted(task.name(), learner.memorySize()));
    if (task.head().isPresent() && heads.versions(task.name()).isEmpty()) {
      publisher.promote(task.head().get(), "history");
    }
    Head first = learner.trainFirst("history", publisher.read().nextVersion(task.name()));
    if (first.info().verdict().accepted()) {
      publisher.promote(first, "history");
    } else {
      publisher.publishRejected(first.info());
    }
    return first.info();
  }

  /** Describes the result of training a task's first head, in one line. */
  public static String describe(HeadInfo first) {
    return first.verdict().accepted()
        ? "%s: head %d is live with %d labels"
            .formatted(first.task(), first.version(), first.labels().size())
        : "%s: head %d %s; the samples are kept: train again with more records"
            .formatted(first.task(), first.version(), first.verdict().describe());
  }

  private static void requireFirst(Task task, HeadLog heads) {
    long live = heads.liveVersion(task.name());
    if (live > 0) {
      throw new IllegalStateException(
          "head %d of %s is already live: only the first head can be trained on history"
              .formatted(live, task.name()));
    }
  }

  private List<Sample> samples(
      List<String> lines, List<Integer> tasks, Map<String, String> labelFields) {
    List<Sample> samples = new ArrayList<>();
    for (int from = 0; from < lines.size(); from += CHUNK_SIZE) {
      List<String> chunk = lines.subList(from, Math.min(from + CHUNK_SIZE, lines.size()));
      List<byte[]> values =
          chunk.stream().map(line -> line.getBytes(StandardCharsets.UTF_8)).toList();
      List<CompletableFuture<Inference>> inferences = scoring.submit(values);
      for (int i = 0; i < chunk.size(); i++) {
        try {
          Inference inference = scoring.await(inferences.get(i), values.get(i));
          Map<Integer, String> labels = labels(chunk.get(i), tasks, labelFields);
          int line = from + i + 1;
          labels.forEach((task, label) -> samples.add(sample(inference, task, label, line)));
        } catch (InvalidRecordException | IllegalArgumentException e) {
          progress.accept("line %d: skipped: %s".formatted(from + i + 1, e.getMessage()));
        }
      }
      progress.accept("%d of %d records embedded".formatted(from + chunk.size(), lines.size()));
    }
    return samples;
  }

  /** Returns the labels of a line by task index, at least one. */
  private Map<Integer, String> labels(
      String line, List<Integer> tasks, Map<String, String> labelFields) {
    Map<Integer, String> labels = new LinkedHashMap<>();
    try {
      JsonNode record = Json.MAPPER.readTree(line);
      for (int task : tasks) {
        String label =
            Label.truth(record.get(labelFields.get(parts.bundle().tasks().get(task).name())));
        if (label != null && !label.isBlank()) {
          labels.put(task, label);
        }
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("invalid JSON: " + e.getOriginalMessage(), e);
    }
    if (labels.isEmpty()) {
      throw new IllegalArgumentException("no label in field " + fields(labelFields));
    }
    return labels;
  }

  private static String fields(Map<String, String> labelFields) {
    return labelFields.values().stream()
        .map(field -> "'" + field + "'")
        .collect(Collectors.joining(" or "));
  }

  private Sample sample(Inference inference, int taskIndex, String label, int line) {
    Task task = parts.bundle().tasks().get(taskIndex);
    float[] features = inference.features(taskIndex);
    String recordId = inference.recordId();
    String id = recordId == null ? "history-" + line : recordId;
    Instant now = parts.clock().instant();
    Sample.Builder sample =
        Sample.newBuilder()
            .setRecordId(id)
            .setTask(task.name())
            .setBackbone(task.fingerprint())
            .setRows(1)
            .setDim(features.length)
            .setFeatures(SampleSerde.pack(features))
            .setReason(Reason.HISTORY)
            .setWeight(1)
            .setConfidence(0)
            .setHeadVersion(0)
            .setRecordTime(now)
            .setLabel(label)
            .setLabelTime(now);
    task.tiling().ifPresent(tiling -> TileSelection.of(tiling, null, id).write(sample, features));
    return sample.build();
  }

  private void produce(List<Sample> samples) {
    Map<String, Object> config = new HashMap<>(parts.kafka());
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    String topic = parts.topics().samples().name();
    List<KafkaException> failures = new CopyOnWriteArrayList<>();
    try (KafkaProducer<String, Sample> producer =
        new KafkaProducer<>(
            config, new StringSerializer(), parts.topics().samples().value().serializer())) {
      for (Sample sample : samples) {
        if (!failures.isEmpty()) {
          break; // while the topic is unavailable, each send blocks for a minute
        }
        producer.send(
            new ProducerRecord<>(topic, sample.getRecordId(), sample),
            (metadata, failure) -> {
              if (failure != null) {
                failures.add(new KafkaException("cannot write to " + topic, failure));
              }
            });
      }
      producer.flush();
    }
    if (!failures.isEmpty()) {
      throw failures.get(0);
    }
  }
}
