package dev.headwater.stream;

import dev.headwater.heads.HeadSink;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.scoring.Scoring;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Installs followed heads into scoring, and logs and counts rejected ones. */
record Installer(Scoring scoring, ScorerMetrics metrics) implements HeadSink {
  private static final Logger log = LoggerFactory.getLogger(Installer.class);

  @Override
  public long largest(HeadInfo info) {
    return scoring.largest(info);
  }

  @Override
  public void accept(Head head, LivePointer pointer) throws RejectedHeadException {
    scoring.install(head);
  }

  @Override
  public void canary(Head candidate, double share) throws RejectedHeadException {
    scoring.canary(candidate, share);
  }

  @Override
  public void endCanary(String task) {
    scoring.endCanary(task);
  }

  @Override
  public void rejected(
      String task, long version, RejectedHeadException.Cause cause, String reason) {
    metrics.headRejected(task, cause.code());
    log.atWarn()
        .addKeyValue("task", task)
        .addKeyValue("version", version)
        .addKeyValue("cause", cause.code())
        .addKeyValue("reason", reason)
        .log("head rejected; keeping the current live head");
  }
}
