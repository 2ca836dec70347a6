package dev.headwater.replay;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadSettings;
import dev.headwater.schema.TopicSettings;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.StreamSettings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What is replayed through: a deployment as configured. The replay gives it topics, an application
 * id and a state directory of its own, and always compares with the frozen head.
 *
 * @param history labelled JSONL that head 1 is trained on before the first record, as by {@code
 *     train --from}
 * @param kafka client properties, used on a broker that is given; one of its own wants none
 */
public record Pipeline(
    Bundle bundle,
    TopicSettings topics,
    StreamSettings stream,
    ScoringSettings scoring,
    AdaptSettings adapt,
    Gates gates,
    Optional<Path> history,
    Map<String, Object> kafka) {

  /** The same for another bundle, scored with these settings. */
  public Pipeline with(Bundle other, StreamSettings scorer) {
    return new Pipeline(other, topics, scorer, scoring, adapt, gates, history, kafka);
  }

  /** The scorer's settings for one run. */
  public StreamSettings stream(String applicationId, Path stateDirectory) {
    return stream.with(applicationId, stateDirectory, stream.selection());
  }

  /**
   * The trainer's settings for one run: under another's transactional id it would fence it. Its
   * heads are for nobody else, and not signed.
   */
  AdaptSettings adapt(String transactionalId) {
    return new AdaptSettings(
        transactionalId,
        adapt.samples(),
        adapt.growth(),
        adapt.interval(),
        adapt.memory(),
        adapt.folds(),
        adapt.balance(),
        adapt.fit(),
        new HeadSettings(adapt.heads().keep(), adapt.heads().chunkBytes()),
        adapt.closeTimeout(),
        adapt.promotion(),
        adapt.drift(),
        adapt.alignUnlabelled());
  }

  /** Inference with the frozen head beside the live one. */
  ScoringSettings comparing() {
    return new ScoringSettings(
        scoring.threads(), scoring.intraOpThreads(), scoring.batchSize(), true);
  }
}
