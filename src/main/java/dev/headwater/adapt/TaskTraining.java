package dev.headwater.adapt;

import dev.headwater.bundle.Task;
import dev.headwater.gate.Gate;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadPublisher.VersionTakenException;
import dev.headwater.heads.HeadSettings;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Training of one task in a trainer session: its memory, live head, candidates and rollback. */
final class TaskTraining {
  private static final Logger log = LoggerFactory.getLogger(TaskTraining.class);
  static final String WRITER = "trainer";

  private final Task task;
  private final Learner learner;
  private final Fitter fitter;
  private final Gate gate;
  private final HeadPublisher publisher;
  private final AdaptSettings settings;
  private final TrainerMetrics metrics;
  private final Clock clock;
  private final Watch driftMonitor;
  private final Prequential prequential;
  private Optional<Realignment> realignment = Optional.empty();
  private Optional<Head> live = Optional.empty();
  private Optional<LivePointer> livePointer = Optional.empty();
  private Optional<Probation> rollbackCheck = Optional.empty();
  private LabelAliases aliases = LabelAliases.none("");
  private List<HeadInfo> versions = List.of();
  private boolean newSamplesSinceCheck;
  private boolean initialReadDone;

  /**
   * @param unlabelledTask the task whose unlabelled samples this task uses
   */
  TaskTraining(
      Task task,
      Task unlabelledTask,
      Learner learner,
      Fitter fitter,
      Gate gate,
      HeadPublisher publisher,
      AdaptSettings settings,
      TrainerMetrics metrics,
      Clock clock) {
    this.task = task;
    this.learner = learner;
    this.fitter = fitter;
    this.gate = gate;
    this.publisher = publisher;
    this.settings = settings;
    this.metrics = metrics;
    this.clock = clock;
    this.driftMonitor =
        new Watch(task.name(), settings.drift(), metrics, unlabelledTask::summaryOfUnlabelled);
    this.prequential = new Prequential(task.name(), task.kind(), Dense.of(task), fitter, metrics);
  }

  /**
   * Reads the live head. Publishes the bundle's own head if the topic has none, so that a rollback
   * can target it. Where the live head belongs to another bundle and cannot be served, promotes the
   * newest servable head.
   */
  void begin() {
    HeadLog heads = publisher.read();
    heads
        .tooLarge(task.name(), heads.liveVersion(task.name()))
        .ifPresent(
            why -> {
              // do not replace the head: scorers may have enough memory for it
              throw new IllegalStateException(why + " Increase the trainer's heap (-Xmx).");
            });
    try {
      if (heads.versions(task.name()).isEmpty()) {
        task.head().ifPresent(own -> publisher.promote(own, WRITER));
      } else if (liveHeadUnservable(heads)) {
        restoreServableHead(heads);
      }
    } catch (VersionTakenException e) {
      log.atDebug().setCause(e).log("version conflict: another trainer published first");
    }
    follow(publisher.read());
  }

  /** Returns whether the live head cannot be served and is not pinned. */
  private boolean liveHeadUnservable(HeadLog heads) {
    return heads
        .live(task.name())
        .filter(live -> !live.held())
        .filter(live -> servableHead(heads, live.version()).isEmpty())
        .isPresent();
  }

  private void restoreServableHead(HeadLog heads) {
    Optional<HeadInfo> newest =
        heads.versions(task.name()).stream()
            .filter(
                info ->
                    info.verdict().accepted() && servableHead(heads, info.version()).isPresent())
            .max(Comparator.comparingLong(HeadInfo::version));
    if (newest.isPresent()) {
      publisher.point(task.name(), newest.get().version(), false, WRITER);
    } else {
      long next = heads.nextVersion(task.name());
      task.head().ifPresent(own -> publisher.promote(own.numbered(next), WRITER));
    }
  }

  private Optional<Head> servableHead(HeadLog heads, long version) {
    return heads.sound(task.name(), version).filter(this::isCompatible);
  }

  /**
   * Marks the end of the initial read of the samples topic. Only a drift alarm that is still active
   * triggers training; a later head has answered the others.
   *
   * @param ends end offset of each partition, exclusive
   */
  void caughtUp(Map<Integer, Long> ends) {
    initialReadDone = true;
    if (!learner.caughtUp(ends)) {
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", version(live))
          .log("live head was trained on an earlier samples topic; treating all samples as unseen");
    }
    driftMonitor.standing().ifPresent(this::drifted);
  }

  void take(Sample sample, int partition, long offset) {
    boolean labelChanged = learner.add(sample, partition, offset);
    if (!labelChanged && !learner.concerns(sample)) {
      return;
    }
    Optional<Double> error = Optional.empty();
    if (labelChanged) {
      realignment.ifPresent(Realignment::labelled);
      metrics.sampled(task.name(), learner.memorySize());
      newSamplesSinceCheck = true;
      // before that, the live head and its parent may have been trained on the sample
      error = initialReadDone ? prequential.see(sample) : prequential.error(sample);
    }
    if (sample.getReason() == Reason.UNLABELLED) {
      realignment.ifPresent(aligner -> aligner.take(sample));
    }
    driftMonitor.see(sample, error).filter(cause -> initialReadDone).ifPresent(this::drifted);
  }

  private void drifted(String cause) {
    log.atInfo().addKeyValue("task", task.name()).addKeyValue("cause", cause).log("drift alarm");
    learner.drifted(cause);
  }

  /** Aligns the head with unlabelled samples while no labels arrive, where this is enabled. */
  void realignIfDue() {
    realignment.filter(Realignment::due).ifPresent(this::realign);
  }

  private void realign(Realignment aligner) {
    HeadLog heads = publisher.read();
    if (catchUp(heads)) {
      return;
    }
    Head candidate = aligner.align(heads.nextVersion(task.name()), learner.samples());
    Verdict verdict = candidate.info().verdict();
    if (verdict.cause() != null) { // without a cause, the candidate equals the anchor
      metrics.judged(task.name(), verdict.accepted(), verdict.cause());
      publish(candidate);
    }
    if (!verdict.accepted()) {
      live.flatMap(head -> aligner.wayBack(head, verdict)).ifPresent(this::withdraw);
    }
  }

  void erase(String recordId) {
    learner.erase(recordId);
    realignment.ifPresent(aligner -> aligner.erase(recordId));
    rollbackCheck.ifPresent(check -> check.erase(recordId));
    driftMonitor.erase(recordId);
    metrics.erased(task.name(), learner.memorySize());
    newSamplesSinceCheck = true;
  }

  /** Returns a summary for the trainer's health. */
  String state() {
    return "%s: %d samples in memory, head %d is live"
        .formatted(task.name(), learner.memorySize(), version(live));
  }

  /** Withdraws the live head where it has proved worse than its parent, unless it is pinned. */
  void withdrawIfWorse() {
    if (newSamplesSinceCheck) {
      newSamplesSinceCheck = false;
      rollbackCheck.flatMap(check -> check.verdict(learner.unseen())).ifPresent(this::withdraw);
    }
  }

  private void withdraw(Verdict verdict) {
    HeadInfo info = live.orElseThrow().info();
    try {
      if (publisher.withdraw(info, verdict, "withdrawal").isEmpty()) {
        catchUp(publisher.read()); // the live head has changed, or it is pinned
        return;
      }
    } catch (IllegalArgumentException e) {
      rollbackCheck = Optional.empty();
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", info.version())
          .setCause(e)
          .log("rollback skipped: the parent head is not servable");
      return;
    }
    follow(publisher.read());
    metrics.withdrawn(task.name(), info.version());
    log.atWarn()
        .addKeyValue("task", task.name())
        .addKeyValue("version", info.version())
        .addKeyValue("parent", info.parent())
        .addKeyValue("reason", verdict.reason())
        .log("head withdrawn");
  }

  /** Trains, evaluates and publishes a candidate, if a trigger is due. */
  void trainIfDue() {
    learner.due().ifPresent(this::train);
  }

  private void train(String trigger) {
    HeadLog heads = publisher.read();
    catchUp(heads);
    long start = System.nanoTime();
    Head candidate = learner.train(trigger, heads.nextVersion(task.name()));
    HeadInfo info = candidate.info();
    Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
    metrics.trained(info.task(), elapsed);
    metrics.judged(info.task(), info.verdict().accepted(), String.valueOf(info.verdict().cause()));
    publish(candidate)
        .ifPresent(
            published ->
                log.atInfo()
                    .addKeyValue("task", published.task())
                    .addKeyValue("version", published.version())
                    .addKeyValue("accepted", published.verdict().accepted())
                    .addKeyValue("judged", published.verdict().judged())
                    .addKeyValue("trainedMs", elapsed.toMillis())
                    .addKeyValue("reason", published.verdict().reason())
                    .log("candidate evaluated"));
  }

  /**
   * Publishes the candidate under the next free version; other writers also publish heads. A fenced
   * trainer fails here: its transaction is rejected, even where its successor took the version.
   *
   * @return empty if the live head has changed since training started: the candidate is dropped
   */
  private Optional<HeadInfo> publish(Head candidate) {
    while (true) {
      HeadLog heads = publisher.read();
      if (changed(heads)) {
        log.atInfo()
            .addKeyValue("task", task.name())
            .addKeyValue("parent", version(live))
            .log("candidate dropped: the live head changed during training");
        return Optional.empty();
      }
      Head numbered = candidate.numbered(heads.nextVersion(task.name()));
      try {
        write(numbered);
        versions =
            Stream.concat(
                    versions.stream().skip(Math.max(0, versions.size() - HeadSettings.HISTORY + 1)),
                    Stream.of(numbered.info()))
                .toList();
        return Optional.of(numbered.info());
      } catch (VersionTakenException e) {
        log.atDebug().setCause(e).log("version conflict; re-reading the heads topic");
      }
    }
  }

  private void write(Head trained) {
    HeadInfo info = trained.info();
    if (!info.verdict().accepted()) {
      publisher.publishRejected(info);
      return;
    }
    boolean aligned = info.aligned();
    Head candidate =
        aligned ? trained : realignment.map(aligner -> aligner.witnessed(trained)).orElse(trained);
    if (settings.promotion() == AdaptSettings.Promotion.MANUAL) {
      publisher.propose(candidate);
      return;
    }
    LivePointer pointer = publisher.promote(candidate, WRITER);
    if (pointer.version() == info.version()) {
      follow(Optional.of(candidate), aligned ? realignment.map(Realignment::anchor) : live);
      if (!aligned) {
        anchor(candidate, Optional.empty());
      }
    }
  }

  /**
   * Applies changes that other writers made on the heads topic.
   *
   * @return whether the live head or the label aliases have changed
   */
  boolean catchUp(HeadLog heads) {
    boolean changed = changed(heads);
    if (changed) {
      follow(heads);
    }
    livePointer = heads.live(task.name());
    return changed;
  }

  /**
   * Returns whether the live head or the label aliases have changed since the last read. Aliases
   * may change while the live head stays the same.
   */
  private boolean changed(HeadLog heads) {
    boolean otherHead =
        !heads.live(task.name()).equals(livePointer) // if equal, skips reading the head
            && heads.liveVersion(task.name()) != version(live)
            && version(liveHead(heads)) != version(live);
    return otherHead || !heads.aliases(task.name()).equals(aliases);
  }

  private Optional<Head> liveHead(HeadLog heads) {
    return heads
        .live(task.name())
        .flatMap(pointer -> servableHead(heads, pointer.version()))
        .or(task::head);
  }

  /** Returns whether the head fits the current bundle; scorers reject any other head, too. */
  private boolean isCompatible(Head head) {
    return head.info().backbone().equals(task.fingerprint()) && task.misfit(head) == null;
  }

  private void warnIfIncompatible(HeadLog heads, Optional<Head> head) {
    long liveVersion = heads.liveVersion(task.name());
    if (liveVersion > 0 && liveVersion != version(head)) {
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", liveVersion)
          .log("live head is damaged or does not match the bundle; training without it");
    }
  }

  private static long version(Optional<Head> head) {
    return head.map(h -> h.info().version()).orElse(-1L);
  }

  /** Returns all head versions of the task as of the last read, including rejected ones. */
  List<HeadInfo> versions() {
    return versions;
  }

  private void follow(HeadLog heads) {
    versions = heads.versions(task.name());
    Optional<Head> head = liveHead(heads);
    livePointer = heads.live(task.name());
    aliases = heads.aliases(task.name());
    learner.relabel(aliases);
    prequential.relabel(aliases);
    Optional<Head> parent =
        head.flatMap(h -> heads.sound(task.name(), h.info().parent())).filter(this::isCompatible);
    warnIfIncompatible(heads, head);
    follow(head, parent);
    head.flatMap(h -> h.info().aligned() ? parent : head)
        .ifPresent(h -> anchor(h, Realignment.newest(heads, h.info())));
  }

  /** Sets the live head. A withdrawn head that is live again was promoted on purpose: no check. */
  private void follow(Optional<Head> head, Optional<Head> parent) {
    live = head;
    driftMonitor.follow(head.map(h -> h.info().version()).orElse(Watch.ANY));
    head.ifPresent(learner::live);
    head.ifPresent(h -> metrics.live(task.name(), h.info().version()));
    prequential.follow(head, parent.filter(p -> p.info().version() != version(head)));
    rollbackCheck =
        head.filter(h -> h.info().parent() < h.info().version() && h.info().verdict().accepted())
            .flatMap(
                h ->
                    parent.map(
                        p -> new Probation(h, p, fitter, gate, task.kind(), Dense.of(task))));
    newSamplesSinceCheck = true;
  }

  /** Sets the anchor of alignment: the last head trained on labels. */
  private void anchor(Head head, Optional<Head> aligned) {
    if (realignment.isPresent()) {
      realignment.get().anchor(head, aligned);
    } else {
      realignment =
          Realignment.fitter(settings, task.kind(), fitter)
              .map(linear -> new Realignment(linear, gate, head, aligned, clock));
    }
  }
}
