package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LabelAliasesTest {
  private final LabelAliases none = LabelAliases.none("task");

  @Test
  void aLabelNobodyChangedIsWhatItWas() {
    assertThat(none.now("spam")).contains("spam");
  }

  @Test
  void renamesAddUp() {
    LabelAliases twice = none.renamed("spam", "junk").renamed("junk", "waste");

    assertThat(twice.now("spam")).contains("waste");
    assertThat(twice.now("junk")).contains("waste");
    assertThat(twice.now("waste")).contains("waste");
  }

  @Test
  void aNameGivenBackIsALabelAgain() {
    LabelAliases back = none.renamed("spam", "junk").renamed("junk", "spam");

    assertThat(back.now("spam")).contains("spam");
    assertThat(back.now("junk")).contains("spam");
  }

  @Test
  void aRetiredLabelTakesItsFormerNamesAlong() {
    LabelAliases gone = none.renamed("spam", "junk").retired("junk");

    assertThat(gone.now("spam")).isEmpty();
    assertThat(gone.now("junk")).isEmpty();
    assertThat(gone.renamed("ham", "junk").now("junk"))
        .as("the name may be used again")
        .contains("junk");
    assertThat(gone.renamed("ham", "junk").now("spam")).as("by another label").isEmpty();
  }
}
