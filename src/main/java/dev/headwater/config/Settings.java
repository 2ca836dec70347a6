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
 * One deployment, every part of it valid.
 *
 * @param file it was read from
 * @param kafka client properties for every client
 * @param configuredTasks those with keys of their own
 * @param history labelled records a replay trains head 1 on before its first record
 * @param html where a replay's report goes as a page
 * @param trainerPage address of the trainer's page, of which scorers show what it measures
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

  /** Without what is in it: Kafka's properties hold passwords. */
  @Override
  public String toString() {
    return "Settings[%s of %s]".formatted(name, file);
  }

  public Topics topics() {
    return Topics.of(topicNames, formats);
  }

  /**
   * For who is going to write heads.
   *
   * @throws ConfigException where they have to be signed and there is no key
   */
  public void requireSigningKey() throws ConfigException {
    try {
      heads.signatures().requireKey();
    } catch (IllegalStateException e) {
      throw new ConfigException(file, List.of("heads: " + e.getMessage()));
    }
  }

  /**
   * For who is going to ask the broker, of which Kafka's clients would not say what key is missing.
   *
   * @throws ConfigException where none is named
   */
  public void requireBroker() throws ConfigException {
    if (String.valueOf(kafka.getOrDefault("bootstrap.servers", "")).isBlank()) {
      throw new ConfigException(
          file, List.of("kafka.bootstrap.servers: is required, and is not set"));
    }
  }

  /** What is said of labels in general is not meant for a task that tells something else. */
  public Gates gates(Bundle bundle) {
    Map<String, GateSettings> byTask = new HashMap<>(gates.byTask());
    bundle.tasks().stream()
        .filter(task -> !tellsOneLabel(task))
        .map(Task::name)
        .forEach(task -> byTask.put(task, gates.of(task).withoutLabels()));
    return new Gates(gates.general(), byTask);
  }

  /**
   * @throws ConfigException where the configuration says of a task what does not hold of the
   *     bundle's
   */
  public Bundle loadBundle() throws BundleException, ConfigException {
    Bundle bundle = Bundle.load(manifest, bundleDirectory);
    List<String> known = bundle.tasks().stream().map(Task::name).toList();
    List<String> problems = new ArrayList<>();
    configuredTasks.stream()
        .filter(task -> !known.contains(task))
        .sorted()
        .map(task -> "tasks.%s: the bundle has no such task; it has %s".formatted(task, known))
        .forEach(problems::add);
    if (formats.records().format() != Format.JSON && !bundle.decoder().readsFields()) {
      problems.add("formats.records: the bundle takes the whole value, in which there is no field");
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
   * @param inherited what is told elsewhere
   */
  private static List<String> gateProblems(
      String key, GateSettings gate, GateSettings inherited, List<Task> tasks) {
    List<Task> ofLabels = tasks.stream().filter(Settings::tellsOneLabel).toList();
    Set<String> floors = new TreeSet<>(gate.recallFloor().keySet());
    floors.removeAll(inherited.recallFloor().keySet());
    if (ofLabels.isEmpty()) {
      boolean wanted = gate.metric() != Metric.ACCURACY && gate.metric() != inherited.metric();
      return wanted || !floors.isEmpty()
          ? List.of(key + ": metric and recall-floor are of tasks that tell one label")
          : List.of();
    }
    if (ofLabels.stream().anyMatch(Task::open)) {
      return List.of(); // any label may come
    }
    Set<String> labels = new TreeSet<>();
    ofLabels.forEach(task -> labels.addAll(task.labels()));
    Set<String> costs = new TreeSet<>(gate.costs().keySet());
    costs.removeAll(inherited.costs().keySet());
    floors.removeAll(labels);
    costs.removeIf(error -> isOf(labels, error));
    return Stream.concat(
            floors.stream().map(label -> "recall-floor: " + label),
            costs.stream().map(error -> "costs: " + error))
        .map(unknown -> "%s.%s is not of the closed label set".formatted(key, unknown))
        .toList();
  }

  /** Whether an error is of these labels, in which there may be a {@code >} as well. */
  private static boolean isOf(Set<String> labels, String error) {
    return IntStream.range(0, error.length())
        .filter(i -> error.charAt(i) == '>')
        .anyMatch(
            i -> labels.contains(error.substring(0, i)) && labels.contains(error.substring(i + 1)));
  }

  private static boolean tellsOneLabel(Task task) {
    return task.kind() instanceof Kind.OneLabel && task.masks().isEmpty();
  }
}
