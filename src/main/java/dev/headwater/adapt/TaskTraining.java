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

/** One task's part in a trainer's session: its memory, the head it starts from, its candidates. */
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
  private final Watch watch;
  private final Prequential prequential;
  private Optional<Realignment> realignment = Optional.empty();
  private Optional<Head> live = Optional.empty();
  private Optional<LivePointer> followed = Optional.empty();
  private Optional<Probation> probation = Optional.empty();
  private LabelAliases aliases = LabelAliases.none("");
  private List<HeadInfo> versions = List.of();
  private boolean news;
  private boolean caughtUp;

  /**
   * @param drawer the task whose unlabelled draws stand for this one's
   */
  TaskTraining(
      Task task,
      Task drawer,
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
    this.watch = new Watch(task.name(), settings.drift(), metrics, drawer::summaryOfDrawn);
    this.prequential = new Prequential(task.name(), task.kind(), Dense.of(task), fitter, metrics);
  }

  /**
   * Follows the live head. The bundle's own goes on the topic once, so that there is a way back;
   * where another bundle's is live, which nobody can serve, the newest that can be is made so.
   */
  void begin() {
    HeadLog heads = publisher.read();
    heads
        .tooLarge(task.name(), heads.liveVersion(task.name()))
        .ifPresent(
            why -> {
              // no reason to put another in its place: scorers may have the memory
              throw new IllegalStateException(why + " Give the trainer more heap (-Xmx).");
            });
    try {
      if (heads.versions(task.name()).isEmpty()) {
        task.head().ifPresent(own -> publisher.promote(own, WRITER));
      } else if (stranded(heads)) {
        comeBack(heads);
      }
    } catch (VersionTakenException e) {
      log.atDebug().setCause(e).log("another trainer that starts was quicker");
    }
    follow(publisher.read());
  }

  /** Whether what is live cannot serve, and nobody holds it there. */
  private boolean stranded(HeadLog heads) {
    return heads
        .live(task.name())
        .filter(live -> !live.held())
        .filter(live -> serving(heads, live.version()).isEmpty())
        .isPresent();
  }

  private void comeBack(HeadLog heads) {
    Optional<HeadInfo> newest =
        heads.versions(task.name()).stream()
            .filter(info -> info.verdict().accepted() && serving(heads, info.version()).isPresent())
            .max(Comparator.comparingLong(HeadInfo::version));
    if (newest.isPresent()) {
      publisher.point(task.name(), newest.get().version(), false, WRITER);
    } else {
      long next = heads.nextVersion(task.name());
      task.head().ifPresent(own -> publisher.promote(own.numbered(next), WRITER));
    }
  }

  private Optional<Head> serving(HeadLog heads, long version) {
    return heads.sound(task.name(), version).filter(this::fits);
  }

  /**
   * All that was on the topic has been taken in: of its alarms, some have been answered since.
   *
   * @param ends of its partitions, exclusive
   */
  void caughtUp(Map<Integer, Long> ends) {
    caughtUp = true;
    if (!learner.caughtUp(ends)) {
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", version(live))
          .log(
              "the live head was trained on a samples topic that is gone: those of another are new to it");
    }
    watch.standing().ifPresent(this::drifted);
  }

  void take(Sample sample, int partition, long offset) {
    boolean said = learner.add(sample, partition, offset);
    if (!said && !learner.concerns(sample)) {
      return;
    }
    Optional<Double> error = Optional.empty();
    if (said) {
      realignment.ifPresent(Realignment::labelled);
      metrics.sampled(task.name(), learner.memorySize());
      news = true;
      // the live head and its parent may have trained on what came before
      error = caughtUp ? prequential.see(sample) : prequential.error(sample);
    }
    if (sample.getReason() == Reason.UNLABELLED) {
      realignment.ifPresent(following -> following.take(sample));
    }
    watch.see(sample, error).filter(cause -> caughtUp).ifPresent(this::drifted);
  }

  private void drifted(String cause) {
    log.atInfo().addKeyValue("task", task.name()).addKeyValue("cause", cause).log("drift");
    learner.drifted(cause);
  }

  /** While no labels come, follows the classes' move instead, where that is wanted. */
  void realignIfDue() {
    realignment.filter(Realignment::due).ifPresent(this::realign);
  }

  private void realign(Realignment following) {
    HeadLog heads = publisher.read();
    if (catchUp(heads)) {
      return;
    }
    Head candidate = following.align(heads.nextVersion(task.name()), learner.samples());
    Verdict verdict = candidate.info().verdict();
    if (verdict.cause() != null) { // without one there is no candidate: the anchor is as good
      metrics.judged(task.name(), verdict.accepted(), verdict.cause());
      publish(candidate);
    }
    if (!verdict.accepted()) {
      live.flatMap(head -> following.wayBack(head, verdict)).ifPresent(this::withdraw);
    }
  }

  void erase(String recordId) {
    learner.erase(recordId);
    realignment.ifPresent(following -> following.erase(recordId));
    probation.ifPresent(held -> held.erase(recordId));
    watch.erase(recordId);
    metrics.erased(task.name(), learner.memorySize());
    news = true;
  }

  /** For the health of the trainer. */
  String state() {
    return "%s: %d samples in memory, head %d is live"
        .formatted(task.name(), learner.memorySize(), version(live));
  }

  /** Takes the live head back where it has proved worse than its parent; its pin is obeyed. */
  void withdrawIfWorse() {
    if (news) {
      news = false;
      probation.flatMap(held -> held.verdict(learner.unseen())).ifPresent(this::withdraw);
    }
  }

  private void withdraw(Verdict verdict) {
    HeadInfo info = live.orElseThrow().info();
    try {
      if (publisher.withdraw(info, verdict, "withdrawal").isEmpty()) {
        catchUp(publisher.read()); // somebody was quicker, or it is pinned
        return;
      }
    } catch (IllegalArgumentException e) {
      probation = Optional.empty();
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", info.version())
          .setCause(e)
          .log("a worse head stays: what it was made from cannot serve");
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

  /** Trains, has the candidate judged and publishes it, if that is due. */
  void trainIfDue() {
    learner.due().ifPresent(this::train);
  }

  private void train(String trigger) {
    HeadLog heads = publisher.read();
    catchUp(heads);
    long start = System.nanoTime();
    Head candidate = learner.train(trigger, heads.nextVersion(task.name()));
    HeadInfo info = candidate.info();
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    metrics.trained(info.task(), took);
    metrics.judged(info.task(), info.verdict().accepted(), String.valueOf(info.verdict().cause()));
    publish(candidate)
        .ifPresent(
            published ->
                log.atInfo()
                    .addKeyValue("task", published.task())
                    .addKeyValue("version", published.version())
                    .addKeyValue("accepted", published.verdict().accepted())
                    .addKeyValue("judged", published.verdict().judged())
                    .addKeyValue("trainedMs", took.toMillis())
                    .addKeyValue("reason", published.verdict().reason())
                    .log("candidate judged"));
  }

  /**
   * As the next version that is free now, for others write too. A fenced trainer learns of it here:
   * its transaction fails, where a version taken by its successor would only look used.
   *
   * @return empty where the head it was trained from no longer serves: it is dropped
   */
  private Optional<HeadInfo> publish(Head candidate) {
    while (true) {
      HeadLog heads = publisher.read();
      if (changed(heads)) {
        log.atInfo()
            .addKeyValue("task", task.name())
            .addKeyValue("parent", version(live))
            .log("candidate dropped: the live head was changed while it was trained");
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
        log.atDebug().setCause(e).log("another writer was quicker: looking again");
      }
    }
  }

  private void write(Head made) {
    HeadInfo info = made.info();
    if (!info.verdict().accepted()) {
      publisher.refuse(info);
      return;
    }
    boolean aligned = info.aligned();
    Head candidate = aligned ? made : realignment.map(known -> known.witnessed(made)).orElse(made);
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
   * Follows what others have done since.
   *
   * @return whether the live head or a label is another now
   */
  boolean catchUp(HeadLog heads) {
    boolean changed = changed(heads);
    if (changed) {
      follow(heads);
    }
    followed = heads.live(task.name());
    return changed;
  }

  /**
   * Whether somebody rolled back, or changed labels: names may have come and gone between looks.
   */
  private boolean changed(HeadLog heads) {
    boolean moved =
        !heads.live(task.name()).equals(followed) // where not, no head need be put together
            && heads.liveVersion(task.name()) != version(live)
            && version(liveHead(heads)) != version(live);
    return moved || !heads.aliases(task.name()).equals(aliases);
  }

  private Optional<Head> liveHead(HeadLog heads) {
    return heads
        .live(task.name())
        .flatMap(pointer -> serving(heads, pointer.version()))
        .or(task::head);
  }

  /** Whether it is one of the task as the bundle has it now; scorers refuse any other as well. */
  private boolean fits(Head head) {
    return head.info().backbone().equals(task.fingerprint()) && task.misfit(head) == null;
  }

  private void warnOfUnfit(HeadLog heads, Optional<Head> head) {
    long pointed = heads.liveVersion(task.name());
    if (pointed > 0 && pointed != version(head)) {
      log.atWarn()
          .addKeyValue("task", task.name())
          .addKeyValue("version", pointed)
          .log(
              "the live head is damaged or not one of the bundle's task: training begins without it");
    }
  }

  private static long version(Optional<Head> head) {
    return head.map(h -> h.info().version()).orElse(-1L);
  }

  /** Every version of the task as of the last look, refused ones too. */
  List<HeadInfo> versions() {
    return versions;
  }

  private void follow(HeadLog heads) {
    versions = heads.versions(task.name());
    Optional<Head> head = liveHead(heads);
    followed = heads.live(task.name());
    aliases = heads.aliases(task.name());
    learner.relabel(aliases);
    prequential.relabel(aliases);
    Optional<Head> parent =
        head.flatMap(h -> heads.sound(task.name(), h.info().parent())).filter(this::fits);
    warnOfUnfit(heads, head);
    follow(head, parent);
    head.flatMap(h -> h.info().aligned() ? parent : head)
        .ifPresent(h -> anchor(h, Realignment.newest(heads, h.info())));
  }

  /** A head that was withdrawn and serves again does so because somebody wants it to. */
  private void follow(Optional<Head> head, Optional<Head> parent) {
    live = head;
    watch.follow(head.map(h -> h.info().version()).orElse(Watch.ANY));
    head.ifPresent(learner::live);
    head.ifPresent(h -> metrics.live(task.name(), h.info().version()));
    prequential.follow(head, parent.filter(p -> p.info().version() != version(head)));
    probation =
        head.filter(h -> h.info().parent() < h.info().version() && h.info().verdict().accepted())
            .flatMap(
                h ->
                    parent.map(
                        p -> new Probation(h, p, fitter, gate, task.kind(), Dense.of(task))));
    news = true;
  }

  /** Alignment begins at the last head that labels support. */
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
