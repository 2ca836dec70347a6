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
 * The configured deployment that a replay runs. The replay sets its topics, application id and
 * state directory, and always scores with the frozen head as well.
 *
 * @param history labelled JSONL to train head 1 on before the first record, as {@code train --from}
 *     does
 * @param kafka client properties, used with an external broker only
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

  /** Returns a copy with another bundle and other scorer settings. */
  public Pipeline with(Bundle other, StreamSettings scorer) {
    return new Pipeline(other, topics, scorer, scoring, adapt, gates, history, kafka);
  }

  /** Returns the scorer settings for one run. */
  public StreamSettings stream(String applicationId, Path stateDirectory) {
    return stream.with(applicationId, stateDirectory, stream.selection());
  }

  /**
   * Returns the trainer settings for one run. It needs its own transactional id, or it would fence
   * another trainer. Its heads are not signed, because no other process reads them.
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

  /** Returns scoring settings that evaluate the frozen head in addition to the live one. */
  ScoringSettings comparing() {
    return new ScoringSettings(
        scoring.threads(), scoring.intraOpThreads(), scoring.batchSize(), true);
  }
}
