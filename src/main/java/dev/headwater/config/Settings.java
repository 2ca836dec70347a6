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

/**
 * One deployment, every part of it valid.
 *
 * @param kafka client properties for every client
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
    HttpSettings scorerHttp,
    HttpSettings trainerHttp) {

  public Topics topics() {
    return Topics.of(topicNames);
  }

  public Bundle loadBundle() throws BundleException {
    return Bundle.load(manifest, bundleDirectory);
  }
}
