package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.StreamSimulation.Choice;
import dev.headwater.adapt.StreamSimulation.Plan;
import dev.headwater.adapt.StreamSimulation.Report;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.gate.GateSettings;
import dev.headwater.schema.Head;
import dev.headwater.schema.Json;
import dev.headwater.tail.Tail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongFunction;
import java.util.function.ToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ways to learn from the same labels, as rows of a table: what the shipped learner asked for, in
 * its order, goes to each, through the same gate; then two ceilings, with every label, and a floor.
 * An hour of one core, so it only runs when asked for: {@code mvn test -Dtest=MethodComparison}
 * with {@code HEADWATER_DATA} set; {@code #gas} after it for one stream.
 */
class MethodComparison {
  private static final double AUDIT = 0.03;
  private static final int SOURCE = 500;
  private static final int WIDTH = 1000;
  private static final int HASHES = 1024;

  /** From a trigger to its head: three seconds of two each. */
  private static final int PICTURES = 6;

  private static final AdaptSettings DEFAULTS = AdaptSettings.of("simulation");
  private static final LongFunction<Choice> ASKED =
      seed -> Choices.of(StreamSimulationTest.DEFAULTS);
  private static final String LABELS = "labels: labels.json\n";

  @TempDir Path directory;

  /**
   * A stream, and what its manifest says.
   *
   * @param more lines of it
   * @param orders of the stream, the recorded one first
   * @param last records that the last part is of
   * @param linear records from a trigger to its head serving, where the head is one layer
   * @param deep the same where it is several
   */
  private record Setting(
      String name, String input, String more, int orders, int last, int linear, int deep) {

    Bundle bundle(Path directory, String cut) throws Exception {
      String manifest =
          """
          name: %s
          task: task
          model: model.onnx
          %s
          %s
          input: {id: /id, %s}
          """;
      Path file = directory.resolve(name + Integer.toHexString(cut.hashCode()) + ".yaml");
      return Bundle.load(
          Files.writeString(file, manifest.formatted(name, cut, more, input)), Bundles.data(name));
    }

    Recorded at(Bundle bundle) throws Exception {
      return Recorded.of(bundle, Bundles.data(name).resolve("stream.jsonl"));
    }

    /** The learner that decides what is asked for. */
    List<Report> first(Recorded stream, Fitter fitter, LongFunction<Choice> choice) {
      System.out.printf("%s%n| learner | overall | last part | labels | accepted |%n", name);
      List<Report> shipped = row("shipped", stream, fitter, choice, DEFAULTS);
      print("frozen", shipped, r -> r.frozen(0, size(r)), r -> r.frozen(size(r) - last, size(r)));
      return shipped;
    }

    /** With the labels that were asked for there. */
    List<Report> same(String label, Recorded stream, Fitter fitter, List<Report> shipped) {
      return row(label, stream, fitter, seed -> Choices.again(shipped.get((int) seed)), DEFAULTS);
    }

    /** With every label; trained after a set number, for there are many. */
    List<Report> all(String label, Recorded stream, Fitter fitter) {
      int samples = stream.truth().size() / 60;
      return row(label, stream, fitter, seed -> Choices.all(), settings(samples, 0));
    }

    private List<Report> row(
        String label,
        Recorded stream,
        Fitter fitter,
        LongFunction<Choice> choice,
        AdaptSettings settings) {
      boolean oneLayer =
          !(fitter instanceof TailFitter tail) || tail.task().split().linear().isPresent();
      List<Report> reports = new ArrayList<>();
      for (long seed = 0; seed < orders; seed++) {
        Plan plan =
            new Plan(
                AUDIT,
                Streams.DRAWN_SHARE,
                oneLayer ? linear : deep,
                0,
                seed,
                0,
                settings,
                GateSettings.DEFAULT);
        reports.add(Streams.run(stream, fitter, choice.apply(seed), plan));
      }
      print(label, reports, Report::accuracy, r -> r.accuracy(size(r) - last, size(r)));
      return reports;
    }

    private static int size(Report report) {
      return report.right().length;
    }

    private static void print(
        String label,
        List<Report> reports,
        ToDoubleFunction<Report> overall,
        ToDoubleFunction<Report> part) {
      System.out.printf(
          Locale.ROOT,
          "| %s | %s | %s | %.1f %% | %d of %d |%n",
          label,
          SelectionComparison.spread(reports, overall),
          SelectionComparison.spread(reports, part),
          100 * reports.stream().mapToDouble(Report::labelShare).average().orElseThrow(),
          reports.stream().mapToLong(Report::accepted).sum(),
          reports.stream().mapToLong(r -> r.versions().size()).sum());
    }
  }

  @Test
  void clinc() throws Exception {
    Setting setting =
        new Setting("clinc", "text: /text, tokenizer: tokenizer.json", "", 1, 3825, 100, 200);
    Bundle bundle = setting.bundle(directory, LABELS);
    Recorded stream = setting.at(bundle);
    List<Report> shipped = setting.first(stream, linear(HeadLayout.of(bundle.task())), ASKED);
    lastLayer(setting, bundle, stream, shipped);
    Recorded words = ngrams(stream.truth());
    LinearFitter onWords = linear(new HeadLayout(Recorded.LAYER, HASHES));
    paid(shipped, setting.same("from scratch, on n-grams", words, onWords, shipped));
    Bundle hidden = setting.bundle(directory, "head: none\nhidden: [256]\ncut: sentence_embedding");
    Recorded cold = Recorded.cold(hidden.task(), stream.truth(), stream.features());
    setting.all("all labels, a hidden layer more", cold, tail(hidden));
  }

  @Test
  void gas() throws Exception {
    Setting setting = new Setting("gas", "numbers: /features", "open: false", 3, 1591, 50, 50);
    Bundle bundle = setting.bundle(directory, LABELS);
    Recorded stream = setting.at(bundle);
    List<Report> shipped = setting.first(stream, linear(HeadLayout.of(bundle.task())), ASKED);
    lastLayer(setting, bundle, stream, shipped);
    Bundle deep = setting.bundle(directory, LABELS + "cut: -2");
    setting.same("deeper tail, cut -2", setting.at(deep), tail(deep), shipped);
    setting.all("all labels, cut -2", setting.at(deep), tail(deep));
    Bundle whole = setting.bundle(directory, LABELS + "cut: -3");
    setting.same("whole network", setting.at(whole), tail(whole), shipped);
    fromScratch(setting, whole, shipped);
  }

  /** What is shipped here is a deeper tail. */
  @Test
  void fashion() throws Exception {
    Setting setting = new Setting("fashion", "image: /image", "", 1, 1333, 50, 200);
    Bundle deep = setting.bundle(directory, LABELS + "cut: -3");
    List<Report> shipped = setting.first(setting.at(deep), tail(deep), ASKED);
    Bundle bundle = setting.bundle(directory, LABELS);
    Recorded stream = setting.at(bundle);
    setting.same("L-BFGS", stream, linear(HeadLayout.of(bundle.task())), shipped);
    lastLayer(setting, bundle, stream, shipped);
    setting.all("all labels, cut -3", setting.at(deep), tail(deep));
    fromScratch(setting, setting.bundle(directory, LABELS + "cut: -5"), shipped);
  }

  /**
   * The last layer only, pixel by pixel, with the labels of every other picture. Last part: the
   * second, in which tissue is stained.
   */
  @Test
  void nuclei() throws Exception {
    int part = Pictures.SECOND * Pixels.PER_PICTURE;
    Setting setting = new Setting("nuclei", "", "", 1, part, Pixels.PER_PICTURE, 0);
    Bundle bundle = Bundles.tabular(directory, 1, 2); // with a last layer of 16 to 2, as it has
    Pixels pixels = Pixels.of(bundle.task(), Bundles.data("nuclei"));
    AtomicInteger seen = new AtomicInteger();
    LongFunction<Choice> half =
        seed ->
            (features, chances, audited) -> seen.getAndIncrement() / Pixels.PER_PICTURE % 2 == 0;
    LinearFitter linear = linear(HeadLayout.of(bundle.task()));
    List<Report> shipped = setting.first(pixels.recorded(), linear, half);
    List<boolean[]> answers = new ArrayList<>();
    answers.add(shipped.get(0).right());
    lastLayer(setting, bundle, pixels.recorded(), shipped)
        .forEach(reports -> answers.add(reports.get(0).right()));
    answers.add(shipped.get(0).frozenRight());
    for (boolean[] right : answers) {
      System.out.printf(
          Locale.ROOT,
          "IoU stained %.3f, fluorescence %.3f%n",
          pixels.iou(right, "stained_color", right.length - part),
          pixels.iou(right, "fluorescence", right.length - part));
    }
  }

  /** Whole pictures, as the example ships: the last two 3x3 convolutions learn. */
  @Test
  void pictures() throws Exception {
    Bundle bundle =
        new Setting("nuclei", "image: /image", "", 1, 0, 0, 0)
            .bundle(directory, LABELS + "cut: /Concat_1_output_0");
    Pictures pictures = new Pictures(bundle, Bundles.data("nuclei"));
    Head first = bundle.task().head().orElseThrow();
    System.out.printf(
        "nuclei, whole pictures%n| learner | first part | stained | fluorescence | labels |%n");
    Pictures.Report shipped = row("deeper tail", pictures, first, ASKED.apply(0), tail(bundle));
    row("all labels, deeper tail", pictures, first, Choices.all(), tail(bundle));
    Iterator<Boolean> same = shipped.asked().iterator();
    Head random = Recorded.untrained(first, 3);
    Pictures.Report scratch =
        row("from scratch", pictures, random, (f, p, audited) -> same.next(), tail(bundle));
    assertThat(shipped.first()).as("what transfer saves").isGreaterThan(scratch.first());
  }

  private static Pictures.Report row(
      String label, Pictures pictures, Head first, Choice choice, Fitter fitter) throws Exception {
    Pictures.Report report = pictures.run(first, fitter, choice, PICTURES, AUDIT, DEFAULTS);
    System.out.printf(
        Locale.ROOT,
        "| %s | %.3f | %.3f | %.3f | %d of %d, %d of %d accepted |%n",
        label,
        report.first(),
        report.stained(),
        report.fluorescence(),
        Collections.frequency(report.asked(), true),
        report.asked().size(),
        report.accepted(),
        report.candidates());
    return report;
  }

  /** The ways for a head that is one layer, on the same labels; and with all of them. */
  private static List<List<Report>> lastLayer(
      Setting setting, Bundle bundle, Recorded stream, List<Report> shipped) throws Exception {
    LinearFitter linear = linear(HeadLayout.of(bundle.task()));
    HeadLayout layout = linear.layout();
    Batch source = source(stream, linear);
    ClosedForm lifted = ClosedForm.randomProjection(layout, source, WIDTH);
    return List.of(
        setting.same("AdamW and replay", stream, new Minibatches(linear), shipped),
        setting.same("SLDA", stream, ClosedForm.lda(layout, source), shipped),
        setting.same("ridge", stream, ClosedForm.ridge(layout, source), shipped),
        setting.same("ridge, random projection", stream, lifted, shipped),
        setting.all("all labels", stream, linear));
  }

  /** Every weight of the network at random at first. */
  private static void fromScratch(Setting setting, Bundle whole, List<Report> shipped)
      throws Exception {
    Recorded untrained = setting.at(whole).untrained(3);
    paid(shipped, setting.same("from scratch", untrained, tail(whole), shipped));
  }

  private static void paid(List<Report> shipped, List<Report> scratch) {
    for (int i = 0; i < scratch.size(); i++) {
      assertThat(shipped.get(i).accuracy())
          .as("what transfer saves")
          .isGreaterThan(scratch.get(i).accuracy());
    }
  }

  private static AdaptSettings settings(int samples, double growth) {
    return new AdaptSettings(
        DEFAULTS.transactionalId(),
        samples,
        growth,
        DEFAULTS.interval(),
        DEFAULTS.memory(),
        DEFAULTS.folds(),
        DEFAULTS.balance(),
        DEFAULTS.fit(),
        DEFAULTS.heads(),
        DEFAULTS.closeTimeout(),
        DEFAULTS.promotion(),
        DEFAULTS.drift(),
        DEFAULTS.alignUnlabelled());
  }

  private static LinearFitter linear(HeadLayout layout) {
    return new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true));
  }

  private static TailFitter tail(Bundle bundle) throws Exception {
    Task task = bundle.task();
    return new TailFitter(
        task,
        new TailTuner(Tail.of(task.split()), task.split(), task.rowShapes(), FitSettings.DEFAULT));
  }

  /** The first records and what the network's own head says of them: no label is read. */
  private static Batch source(Recorded stream, LinearFitter fitter) {
    List<float[]> features = stream.features().subList(0, SOURCE);
    int[] said =
        fitter.of(stream.original().orElseThrow()).logits(features).stream()
            .mapToInt(Learner::best)
            .toArray();
    double[] ones = new double[SOURCE];
    Arrays.fill(ones, 1);
    return new Batch(features, said, ones);
  }

  /** Words and pairs of words, hashed: what the labels alone could teach about the text. */
  private static Recorded ngrams(List<String> truth) throws Exception {
    List<float[]> features = new ArrayList<>();
    for (String line : Files.readAllLines(Bundles.data("clinc").resolve("stream.jsonl"))) {
      String[] words =
          Json.MAPPER.readTree(line).get("text").asText().toLowerCase(Locale.ROOT).split("\\W+");
      float[] counts = new float[HASHES];
      for (int i = 0; i < words.length; i++) {
        counts[Math.floorMod(words[i].hashCode(), HASHES)]++;
        if (i > 0) {
          counts[Math.floorMod((words[i - 1] + ' ' + words[i]).hashCode() * 31, HASHES)]++;
        }
      }
      double squares = 0;
      for (float count : counts) {
        squares += count * count;
      }
      for (int h = 0; h < HASHES; h++) {
        counts[h] /= (float) Math.sqrt(Math.max(1, squares));
      }
      features.add(counts);
    }
    return Recorded.cold(features, truth);
  }
}
