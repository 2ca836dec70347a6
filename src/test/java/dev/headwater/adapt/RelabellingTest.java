package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Tensor;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RelabellingTest {
  @TempDir Path directory;
  private Task task;
  private Head live;
  private float[] features;
  private float[] logits;

  @BeforeEach
  void load() throws Exception {
    task = Bundles.tabular(directory, 4, 3).task();
    Head bundled = task.head().orElseThrow();
    features = new Samples("kind", "b", task.featureSize()).features(0);
    logits = linear(bundled).logits(features);
    live =
        new Head(
            bundled.info(),
            bundled.tensors(),
            Tensor.rows(List.of(features), task.featureSize()),
            Tensor.rows(List.of(logits), 3));
  }

  @Test
  void aRenamedLabelKeepsItsWeights() {
    Head renamed = changed(aliases().renamed("label-1", "ham"));

    assertThat(renamed.info().labels()).containsExactly("label-0", "ham", "label-2");
    assertThat(renamed.info().version()).isEqualTo(1);
    assertThat(renamed.info().parent()).isZero();
    assertThat(renamed.info().verdict().reason()).isEqualTo("because");
    assertThat(linear(renamed).logits(features)).containsExactly(logits);
  }

  @Test
  void aRetiredLabelLosesItsWeightsAndNobodyElse() {
    Head without = changed(aliases().retired("label-1"));

    assertThat(without.info().labels()).containsExactly("label-0", "label-2");
    assertThat(linear(without).logits(features)).containsExactly(logits[0], logits[2]);
    assertThat(without.goldenLogits().shape()).containsExactly(1, 2);
    assertThat(without.goldenLogits().values())
        .as("what followers check it by")
        .containsExactly(logits[0], logits[2]);
  }

  @Test
  void ofMergedLabelsTheOneThatStaysKeepsItsWeights() {
    Head merged = changed(aliases().renamed("label-0", "label-2"));

    assertThat(merged.info().labels()).containsExactly("label-1", "label-2");
    assertThat(linear(merged).logits(features)).containsExactly(logits[1], logits[2]);
  }

  @Test
  void oneLabelAloneIsNoHead() {
    assertThatThrownBy(() -> changed(aliases().retired("label-0").retired("label-1")))
        .hasMessageContaining("two labels")
        .hasMessageContaining("label-2");
  }

  private LabelAliases aliases() {
    return LabelAliases.none(task.name());
  }

  private Head changed(LabelAliases aliases) {
    return new Relabelling(task, aliases).of(live, 1, "because", Instant.EPOCH);
  }

  private LinearHead linear(Head head) {
    return HeadLayout.of(task).linear(head);
  }
}
