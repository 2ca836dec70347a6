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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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
    for (Task task : bundle.tasks()) {
      GateSettings gate = gates.of(task.name());
      boolean oneLabel = task.kind() instanceof Kind.OneLabel;
      if (!oneLabel && (gate.metric() != Metric.ACCURACY || !gate.recallFloor().isEmpty())) {
        problems.add(
            "tasks.%s.gate: metric and recall-floor are of tasks that tell one label"
                .formatted(task.name()));
      }
    }
    if (!problems.isEmpty()) {
      throw new ConfigException(file, problems);
    }
    return bundle;
  }
}
