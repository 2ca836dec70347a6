package dev.headwater.adapt;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileDraw;
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
 * Begins a deployment from labelled records: the memory is seeded with them and the first head
 * trained on them, without a gate, for there is nothing to compare it with but the guesswork before
 * it. A deployment that already has a head of its own is left alone.
 */
public final class History {
  private static final int CHUNK = 512;

  private final TrainerSession.Parts parts;
  private final Scoring scoring;
  private final Consumer<String> progress;

  /**
   * @param scoring gives the features; of the same bundle
   * @param progress told a line now and then, and each line of the file that is refused
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
   * @param labelFields the field of each line that holds the label, by task; a task without one is
   *     left alone, as is one that no line has a label for, or that has a trained head live
   * @return the heads that are now live
   * @throws IllegalStateException where no line is usable for a task without such a head
   */
  public List<HeadInfo> train(Path file, Map<String, String> labelFields) throws IOException {
    List<Task> tasks = parts.bundle().tasks();
    List<Integer> taught =
        IntStream.range(0, tasks.size())
            .filter(i -> labelFields.containsKey(tasks.get(i).name()))
            .boxed()
            .toList();
    if (taught.isEmpty()) {
      throw new IllegalStateException(
          "no field of %s holds the labels themselves for any of %s"
              .formatted(file, tasks.stream().map(Task::name).toList()));
    }
    List<String> lines = lines(file);
    // not as a writer: what is refused must not end a trainer that runs
    HeadLog heads =
        HeadLog.read(parts.kafka(), parts.topics().heads(), parts.settings().heads().signatures());
    if (taught.stream().allMatch(i -> heads.liveVersion(tasks.get(i).name()) > 0)) {
      requireFirst(tasks.get(taught.get(0)), heads);
    }
    List<Sample> samples = samples(lines, taught, labelFields);
    Map<Integer, Learner> learners = new LinkedHashMap<>();
    List<Task> begun = new ArrayList<>();
    for (int i : taught) {
      Learner learner = parts.learner(i);
      tasks.get(i).head().ifPresent(learner::live);
      samples.forEach(sample -> learner.add(sample, 0, -1));
      String field = labelFields.get(tasks.get(i).name());
      if (learner.memorySize() == 0 || !learner.hasLabels()) {
        progress.accept(
            "%s: no line has a usable record and label in field '%s': left alone"
                .formatted(tasks.get(i).name(), field));
        continue;
      }
      if (heads.liveVersion(tasks.get(i).name()) > 0) {
        begun.add(tasks.get(i)); // as where a run before this one was ended between two tasks
        continue;
      }
      learners.put(i, learner);
    }
    if (learners.isEmpty()) {
      begun.forEach(task -> requireFirst(task, heads));
      throw new IllegalStateException(
          "no line of %s has a usable record and label in field '%s'"
              .formatted(file, labelFields.get(tasks.get(taught.get(0)).name())));
    }
    Set<String> past = begun.stream().map(Task::name).collect(Collectors.toSet());
    past.forEach(
        task ->
            progress.accept(
                "%s: head %d is live already: left alone"
                    .formatted(task, heads.liveVersion(task))));
    return publish(
        samples.stream().filter(sample -> !past.contains(sample.getTask())).toList(), learners);
  }

  private static List<String> lines(Path file) throws IOException {
    try {
      return Files.readAllLines(file);
    } catch (CharacterCodingException e) {
      throw new IOException(file + " is not UTF-8"); // which is all that e could tell
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
    progress.accept(
        "%s: %d samples in memory; training".formatted(task.name(), learner.memorySize()));
    if (task.head().isPresent() && heads.versions(task.name()).isEmpty()) {
      publisher.promote(task.head().get(), "history");
    }
    Head first = learner.trainFirst("history", publisher.read().nextVersion(task.name()));
    if (first.info().verdict().accepted()) {
      publisher.promote(first, "history");
    } else {
      publisher.refuse(first.info());
    }
    return first.info();
  }

  /** What became of a task's first head, in words. */
  public static String told(HeadInfo first) {
    return first.verdict().accepted()
        ? "%s: head %d is live and knows %d labels"
            .formatted(first.task(), first.version(), first.labels().size())
        : "%s: head %d is not live, for %s; its samples are kept, and more of them may do"
            .formatted(first.task(), first.version(), first.verdict().reason());
  }

  private static void requireFirst(Task task, HeadLog heads) {
    long live = heads.liveVersion(task.name());
    if (live > 0) {
      throw new IllegalStateException(
          "head %d of %s is live already: history only begins a deployment"
              .formatted(live, task.name()));
    }
  }

  private List<Sample> samples(
      List<String> lines, List<Integer> tasks, Map<String, String> labelFields) {
    List<Sample> samples = new ArrayList<>();
    for (int from = 0; from < lines.size(); from += CHUNK) {
      List<String> chunk = lines.subList(from, Math.min(from + CHUNK, lines.size()));
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
          progress.accept("line %d is left out: %s".formatted(from + i + 1, e.getMessage()));
        }
      }
      progress.accept("%d of %d records embedded".formatted(from + chunk.size(), lines.size()));
    }
    return samples;
  }

  /** By the task's index, of those that the line has a label for; one at least. */
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
      throw new IllegalArgumentException("it is not JSON: " + e.getOriginalMessage(), e);
    }
    if (labels.isEmpty()) {
      throw new IllegalArgumentException("it has no label in field " + fields(labelFields));
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
    String given = inference.recordId();
    String id = given == null ? "history-" + line : given;
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
    task.tiling().ifPresent(tiling -> TileDraw.of(tiling, null, id).write(sample, features));
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
          break; // a topic that is away takes a minute for each
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
