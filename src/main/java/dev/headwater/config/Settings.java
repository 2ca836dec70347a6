package dev.headwater.config;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.BundleException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Task;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.gate.Metric;
import dev.headwater.heads.HeadSettings;
import dev.headwater.http.HttpSettings;
import dev.headwater.replay.ReplaySettings;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.Topics;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.Formats;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.StreamSettings;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The validated settings of one deployment.
 *
 * @param file the file the settings were read from
 * @param kafka Kafka client properties, common to all clients
 * @param configuredTasks names of the tasks that override keys
 * @param history labelled records on which a replay trains head 1 before its first record
 * @param html HTML file for the report of a replay
 * @param trainerPage base URL of the trainer, whose metrics the scorers' status page also shows
 */
public record Settings(
    Path file,
    String name,
    Path bundleDirectory,
    Path manifest,
    Map<String, Object> kafka,
    TopicNames topicNames,
    TopicSettings topicSettings,
    Formats formats,
    ScoringSettings scoring,
    StreamSettings stream,
    HeadSettings heads,
    AdaptSettings adapt,
    Gates gates,
    ReplaySettings replay,
    Set<String> configuredTasks,
    Optional<Path> history,
    Optional<Path> html,
    HttpSettings scorerHttp,
    HttpSettings trainerHttp,
    Optional<URI> trainerPage) {

  /** Returns the name and file only: Kafka properties contain passwords. */
  @Override
  public String toString() {
    return "Settings[%s of %s]".formatted(name, file);
  }

  public Topics topics() {
    return Topics.of(topicNames, formats);
  }

  /**
   * Checks that heads can be signed, for commands that write heads.
   *
   * @throws ConfigException if signatures are required and no signing key is set
   */
  public void requireSigningKey() throws ConfigException {
    try {
      heads.signatures().requireKey();
    } catch (IllegalStateException e) {
      throw new ConfigException(file, List.of("heads: " + e.getMessage()));
    }
  }

  /**
   * Checks that a broker is configured; the error of a Kafka client would not name the missing key.
   *
   * @throws ConfigException if {@code kafka.bootstrap.servers} is not set
   */
  public void requireBroker() throws ConfigException {
    if (String.valueOf(kafka.getOrDefault("bootstrap.servers", "")).isBlank()) {
      throw new ConfigException(file, List.of("kafka.bootstrap.servers: required, but not set"));
    }
  }

  /** Returns the gates by task; general criteria on labels apply to single-label tasks only. */
  public Gates gates(Bundle bundle) {
    Map<String, GateSettings> byTask = new HashMap<>(gates.byTask());
    bundle.tasks().stream()
        .filter(task -> !isSingleLabel(task))
        .map(Task::name)
        .forEach(task -> byTask.put(task, gates.of(task).withoutLabels()));
    return new Gates(gates.general(), byTask);
  }

  /**
   * Loads the bundle and checks the task settings against it.
   *
   * @throws ConfigException if a setting does not match the bundle's tasks or labels
   */
  public Bundle loadBundle() throws BundleException, ConfigException {
    Bundle bundle = Bundle.load(manifest, bundleDirectory);
    List<String> known = bundle.tasks().stream().map(Task::name).toList();
    List<String> problems = new ArrayList<>();
    configuredTasks.stream()
        .filter(task -> !known.contains(task))
        .sorted()
        .map(task -> "tasks.%s: unknown task; tasks of the bundle: %s".formatted(task, known))
        .forEach(problems::add);
    if (formats.records().format() != Format.JSON && !bundle.decoder().readsFields()) {
      problems.add(
          "formats.records: avro requires a bundle that reads fields; this one reads the whole"
              + " record value");
    }
    problems.addAll(gateProblems("gate", gates.general(), GateSettings.DEFAULT, bundle.tasks()));
    for (Task task : bundle.tasks()) {
      problems.addAll(
          gateProblems(
              "tasks.%s.gate".formatted(task.name()),
              gates.of(task.name()),
              gates.general(),
              List.of(task)));
    }
    if (!problems.isEmpty()) {
      throw new ConfigException(file, problems);
    }
    return bundle;
  }

  /**
   * Checks a gate against the labels of tasks.
   *
   * @param inherited settings whose problems are reported under another key
   */
  private static List<String> gateProblems(
      String key, GateSettings gate, GateSettings inherited, List<Task> tasks) {
    List<Task> singleLabel = tasks.stream().filter(Settings::isSingleLabel).toList();
    Set<String> floors = new TreeSet<>(gate.recallFloor().keySet());
    floors.removeAll(inherited.recallFloor().keySet());
    if (singleLabel.isEmpty()) {
      boolean changesMetric =
          gate.metric() != Metric.ACCURACY && gate.metric() != inherited.metric();
      return changesMetric || !floors.isEmpty()
          ? List.of(
              key + ": metric and recall-floor apply only to single-label classification tasks")
          : List.of();
    }
    if (singleLabel.stream().anyMatch(Task::open)) {
      return List.of(); // labels may be added later
    }
    Set<String> labels = new TreeSet<>();
    singleLabel.forEach(task -> labels.addAll(task.labels()));
    Set<String> costs = new TreeSet<>(gate.costs().keySet());
    costs.removeAll(inherited.costs().keySet());
    floors.removeAll(labels);
    costs.removeIf(error -> isBetween(labels, error));
    return Stream.concat(
            floors.stream().map(label -> "recall-floor: " + label),
            costs.stream().map(error -> "costs: " + error))
        .map(unknown -> "%s.%s is not in the closed label set".formatted(key, unknown))
        .toList();
  }

  /** Returns whether an error is between two of these labels; labels may contain {@code >}. */
  private static boolean isBetween(Set<String> labels, String error) {
    return IntStream.range(0, error.length())
        .filter(i -> error.charAt(i) == '>')
        .anyMatch(
            i -> labels.contains(error.substring(0, i)) && labels.contains(error.substring(i + 1)));
  }

  private static boolean isSingleLabel(Task task) {
    return task.kind() instanceof Kind.OneLabel && task.masks().isEmpty();
  }
}
