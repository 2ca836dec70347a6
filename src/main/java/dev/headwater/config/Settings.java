package dev.headwater.config;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.BundleException;
import dev.headwater.gate.GateSettings;
import dev.headwater.heads.HeadSettings;
import dev.headwater.http.HttpSettings;
import dev.headwater.replay.ReplaySettings;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.StreamSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * One deployment, every part of it valid.
 *
 * @param kafka client properties for every client
 * @param history labelled records a replay trains head 1 on before its first record
 */
public record Settings(
    String name,
    Path bundleDirectory,
    Path manifest,
    Map<String, Object> kafka,
    TopicNames topicNames,
    TopicSettings topicSettings,
    ScoringSettings scoring,
    StreamSettings stream,
    HeadSettings heads,
    AdaptSettings adapt,
    GateSettings gate,
    ReplaySettings replay,
    Optional<Path> history,
    HttpSettings scorerHttp,
    HttpSettings trainerHttp) {

  public Topics topics() {
    return Topics.of(topicNames);
  }

  public Bundle loadBundle() throws BundleException {
    return Bundle.load(manifest, bundleDirectory);
  }
}
