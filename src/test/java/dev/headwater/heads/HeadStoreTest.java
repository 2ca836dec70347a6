package dev.headwater.heads;

import static dev.headwater.heads.TestHeads.TASK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.schema.Head;
import dev.headwater.schema.RejectedHeadException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeadStoreTest {
  /** Bytes, for some twenty heads as these. */
  private static final int ROOM = 30_000;

  private final HeadStore store = new HeadStore();

  @Property(tries = 200, seed = "20261123")
  void assemblesAHeadFromRecordsInAnyOrderAndNumber(@ForAll long seed) throws Exception {
    // given: the records of two heads, shuffled, some of them twice
    Random random = new Random(seed);
    List<Map.Entry<String, byte[]>> records = new ArrayList<>();
    records.addAll(TestHeads.records(TestHeads.head(1), 1 + random.nextInt(12)).entrySet());
    records.addAll(TestHeads.records(TestHeads.head(2), 1 + random.nextInt(12)).entrySet());
    records.addAll(records.subList(0, random.nextInt(records.size())));
    Collections.shuffle(records, random);
    HeadStore shuffled = new HeadStore();

    // when
    for (Map.Entry<String, byte[]> record : records) {
      shuffled.apply(record.getKey(), record.getValue());
    }

    // then
    assertThat(shuffled.head(TASK, 1)).contains(TestHeads.head(1));
    assertThat(shuffled.head(TASK, 2)).contains(TestHeads.head(2));
  }

  @Test
  void hasNoHeadWhileAnyOfItsRecordsIsMissing() throws Exception {
    // given
    Map<String, byte[]> records = TestHeads.records(TestHeads.head(1), 4);
    List<String> keys = List.copyOf(records.keySet());

    // when, then
    for (String key : keys) {
      assertThat(store.head(TASK, 1)).as("before %s", key).isEmpty();
      store.apply(key, records.get(key));
    }
    assertThat(store.head(TASK, 1)).isPresent();
  }

  @Test
  void refusesAHeadOfWhichOneBitChanged() throws Exception {
    // given
    Map<String, byte[]> records = TestHeads.records(TestHeads.head(1), 3);
    records.get(HeadKey.chunk(TASK, 1, 2))[5] ^= 1;
    applyAll(records);

    // when, then
    assertThatThrownBy(() -> store.head(TASK, 1))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("damaged: SHA-256");
  }

  @Test
  void refusesAHeadOfAnotherSizeThanPromised() throws Exception {
    // given
    Map<String, byte[]> records = TestHeads.records(TestHeads.head(1), 3);
    records.put(HeadKey.chunk(TASK, 1, 1), new byte[3]);
    applyAll(records);

    // when, then
    assertThatThrownBy(() -> store.head(TASK, 1))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining(" bytes, expected ");
  }

  @Test
  void refusesTensorsThatNameAnotherVersionThanTheirManifest() throws Exception {
    // given: the bytes of head 2 under the keys of head 1
    Head two = TestHeads.head(2);
    byte[] bytes = HeadCodec.write(two);
    store.apply(HeadKey.chunk(TASK, 1, 0), bytes);
    store.apply(
        HeadKey.manifest(TASK, 1),
        HeadCodec.json(new Manifest(1, bytes.length, HeadCodec.sha256(bytes), TestHeads.info(1))));

    // when, then
    assertThatThrownBy(() -> store.head(TASK, 1))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("Version 1 of intent contradicts its manifest");
  }

  @Test
  void keepsTheHistoryOfAHeadWhoseTensorsAreGone() throws Exception {
    // given
    applyAll(TestHeads.records(TestHeads.head(1), 2));

    // when
    store.apply(
        HeadKey.manifest(TASK, 1), HeadCodec.json(Manifest.withoutTensors(TestHeads.info(1))));
    store.apply(HeadKey.chunk(TASK, 1, 0), null);
    store.apply(HeadKey.chunk(TASK, 1, 1), null);

    // then
    assertThat(store.versions(TASK)).containsExactly(TestHeads.info(1));
    assertThat(store.chunks(TASK, 1)).isEmpty();
    assertThat(new HeadLog(store).head(TASK, 1)).isEmpty();
    assertThatThrownBy(() -> store.head(TASK, 1))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("no tensors");
  }

  @Test
  void holdsNothingOfAVersionOfWhichEveryRecordIsGone() throws Exception {
    // given
    applyAll(TestHeads.records(TestHeads.head(1), 2));
    applyAll(TestHeads.records(TestHeads.head(2), 1));

    // when, then: in any order; the last record keeps it
    store.apply(HeadKey.chunk(TASK, 2, 0), null);
    store.apply(HeadKey.manifest(TASK, 2), null);
    assertThat(store.highestVersion(TASK)).hasValue(1);
    store.apply(HeadKey.manifest(TASK, 1), null);
    store.apply(HeadKey.chunk(TASK, 1, 1), null);
    assertThat(store.highestVersion(TASK)).hasValue(1);
    store.apply(HeadKey.chunk(TASK, 1, 0), null);
    assertThat(store.highestVersion(TASK)).isEmpty();
  }

  @Test
  void takesTheFirstPointerOfTheHighestEpoch() throws Exception {
    // when: a promotion, a rollback, another writer of the rollback's epoch, and an old record
    // again
    for (long[] epochAndVersion : new long[][] {{1, 5}, {2, 4}, {2, 6}, {1, 5}}) {
      store.apply(
          HeadKey.live(TASK),
          HeadCodec.json(TestHeads.pointer(epochAndVersion[0], epochAndVersion[1])));
    }
    store.apply(HeadKey.live(TASK), null);

    // then
    assertThat(store.live(TASK)).contains(TestHeads.pointer(2, 4));
    assertThat(store.latest(TASK)).contains(TestHeads.pointer(1, 5));
  }

  @Test
  void outlivesAHeadLargerThanTheHeap() throws Exception {
    // when
    long chunks = Runtime.getRuntime().maxMemory() / HeadSettings.CHUNK_BYTES + 1;
    for (int n = 0; n < chunks; n++) {
      store.apply(HeadKey.chunk(TASK, 7, n), new byte[HeadSettings.CHUNK_BYTES]);
    }

    // then
    assertThatThrownBy(() -> store.head(TASK, 7))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageStartingWith(
            "Version 7 of intent does not fit (%d bytes): the maximum for one head is %d bytes",
            chunks * HeadSettings.CHUNK_BYTES, store.one());
  }

  @Test
  void keepsNothingOfAHeadThatClaimsMoreThanItsLabelsNeed() throws Exception {
    // given
    HeadStore bounded = new HeadStore(ROOM, info -> 100L * info.labels().size());
    Map<String, byte[]> small = TestHeads.records(TestHeads.head(1), 3);
    long bytes = HeadCodec.write(TestHeads.head(1)).length;
    assertThat(bytes).isGreaterThan(300);

    // when: its manifest comes before some chunks and after others
    for (String part : List.of("2", "manifest", "0", "1")) {
      String key = "head/intent/1/" + part;
      bounded.apply(key, small.get(key));
    }
    bounded.apply(HeadKey.chunk(TASK, 1, 3), new byte[500]);

    // then
    assertRefused(
        bounded,
        1,
        "does not fit (%d bytes): the maximum for a head with 3 labels is 300 bytes",
        bytes + 500);
    assertThat(bounded.held()).as("keys and manifest").isLessThan(1_500);
    assertThat(bounded.chunks(TASK, 1)).as("to be retired").containsExactly(0, 1, 2, 3);
    assertThat(bounded.versions(TASK)).containsExactly(TestHeads.info(1));
    assertThat(new HeadLog(bounded).hasTensors(TASK, 1)).isFalse();
    assertThat(new HeadLog(bounded.copy()).head(TASK, 1)).isEmpty();
    assertThat(new HeadLog(bounded.copy()).tooLarge(TASK, 1)).isPresent();
  }

  @Test
  void forgetsThatAHeadWasTooLargeOnceItIsRetired() throws Exception {
    HeadStore bounded = new HeadStore(ROOM, info -> 0);
    applyAll(bounded, TestHeads.records(TestHeads.head(1), 2));
    applyAll(
        bounded,
        Map.of(
            HeadKey.manifest(TASK, 1), HeadCodec.json(Manifest.withoutTensors(TestHeads.info(1)))));

    assertThat(new HeadLog(bounded).tooLarge(TASK, 1)).isEmpty();
    assertThatThrownBy(() -> bounded.head(TASK, 1)).hasMessageContaining("has no tensors");
  }

  @Property(tries = 100, seed = "20261201")
  void keepsGoodHeadsWhateverElseComes(@ForAll long seed) throws Exception {
    // given: a good head, and the next amid bad ones without end
    HeadStore bounded = new HeadStore(ROOM, info -> Long.MAX_VALUE);
    applyAll(bounded, TestHeads.records(TestHeads.head(11), 5));
    Random random = new Random(seed);
    List<Map.Entry<String, byte[]>> records = new ArrayList<>();
    records.addAll(TestHeads.records(TestHeads.head(12), 5).entrySet());
    for (int i = 0; i < 100; i++) {
      long version = random.nextInt(10, 1_000) + 3;
      String key =
          random.nextInt(10) == 0
              ? HeadKey.manifest(TASK, version)
              : HeadKey.chunk(TASK, version, random.nextInt(1_000_000_000));
      byte[] value =
          key.endsWith("manifest")
              ? HeadCodec.json(new Manifest(9, ROOM / 3, "00", TestHeads.info(version)))
              : new byte[random.nextInt(ROOM / 4)];
      records.add(Map.entry(key, value));
    }
    Collections.shuffle(records, random);

    // when, then
    bounded.apply(HeadKey.live(TASK), HeadCodec.json(TestHeads.pointer(1, 12)));
    for (Map.Entry<String, byte[]> record : records) {
      bounded.apply(record.getKey(), record.getValue());
      assertThat(bounded.held()).isBetween(0L, (long) ROOM);
    }
    assertThat(bounded.head(TASK, 12)).contains(TestHeads.head(12));
    assertThat(bounded.head(TASK, 11)).contains(TestHeads.head(11));
  }

  @Test
  void holdsNothingOfWhatWasAddedAndTakenAway() throws Exception {
    HeadStore bounded = new HeadStore(ROOM, info -> info.version() == 1 ? 0 : Long.MAX_VALUE);
    Map<String, byte[]> records = new HashMap<>(TestHeads.records(TestHeads.head(1), 3));
    records.putAll(TestHeads.records(TestHeads.head(2), 3));
    applyAll(bounded, records);
    applyAll(bounded, records);

    for (String key : records.keySet()) {
      bounded.apply(key, null);
    }

    assertThat(bounded.held()).isZero();
  }

  @Test
  void letsGoOfTheOldestWhereAllTogetherAreTooMany() throws Exception {
    // given: as many whole heads as have room, and one more
    HeadStore bounded = new HeadStore(ROOM, info -> Long.MAX_VALUE);
    bounded.apply(HeadKey.live(TASK), HeadCodec.json(TestHeads.pointer(1, 1)));
    long last = 0;
    while (bounded.tooLarge(TASK, 2).isEmpty()) {
      applyAll(bounded, TestHeads.records(TestHeads.head(++last), 1));
    }

    // then: what serves stays, and what came last
    assertRefused(bounded, 2, "all heads on the topic exceed %d bytes", ROOM);
    assertThat(bounded.head(TASK, 1)).contains(TestHeads.head(1));
    assertThat(bounded.head(TASK, last - 1)).contains(TestHeads.head(last - 1));
    assertThat(bounded.head(TASK, last)).contains(TestHeads.head(last));
  }

  @Test
  void isAppliedOnceMoreWhereAPointerShowsThatWhatServesWasLetGo() throws Exception {
    // given: a rollback, whose pointer comes behind more heads than have room
    HeadStore bounded = new HeadStore(ROOM, info -> Long.MAX_VALUE);
    long last = 0;
    while (bounded.tooLarge(TASK, 2).isEmpty()) {
      applyAll(bounded, TestHeads.records(TestHeads.head(++last), 1));
    }
    assertThat(bounded.wantsAgain()).as("nothing is live yet").isFalse();
    bounded.apply(HeadKey.live(TASK), HeadCodec.json(TestHeads.pointer(1, 1)));
    assertRefused(bounded, 1, "all heads on the topic exceed %d bytes", ROOM);

    // when
    assertThat(bounded.wantsAgain()).isTrue();
    for (long version = 1; version <= last; version++) {
      applyAll(bounded, TestHeads.records(TestHeads.head(version), 1));
    }

    // then
    assertThat(bounded.head(TASK, 1)).contains(TestHeads.head(1));
    assertThat(bounded.head(TASK, last)).contains(TestHeads.head(last));
    assertThat(bounded.held()).isBetween(1L, (long) ROOM);
    assertThat(bounded.wantsAgain()).isFalse();
  }

  @Test
  void bytesInTinyChunksAreNoWayRound() throws Exception {
    HeadStore bounded = new HeadStore(ROOM, info -> Long.MAX_VALUE);
    for (int n = 0; n < ROOM; n++) {
      bounded.apply(HeadKey.chunk(TASK, 1, n), new byte[1]);
      assertThat(bounded.held()).isLessThanOrEqualTo(ROOM);
    }
    assertRefused(bounded, 1, "does not fit (%d bytes)", ROOM);
  }

  private static void assertRefused(HeadStore store, long version, String reason, Object... args) {
    RejectedHeadException e =
        catchThrowableOfType(RejectedHeadException.class, () -> store.head(TASK, version));
    assertThat(e).hasMessageContaining(reason, args);
    assertThat(e.fault()).isEqualTo(RejectedHeadException.Cause.OVERSIZED);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "live/", "head/intent/1", "head/intent/-1/0", "head/intent/1/x", "head//1/0"})
  void refusesAKeyThatIsNoPartOfAnyHead(String key) {
    assertThatThrownBy(() -> store.apply(key, new byte[0]))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("does not belong to a head");
    assertThatThrownBy(() -> store.apply(null, new byte[0]))
        .isInstanceOf(RejectedHeadException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          live/intent            | {"task":"mood","epoch":1,"version":1,"pinned":false,"by":"x","at":"2026-01-01T00:00:00Z"} | contains task mood
          live/intent            | {"task":"intent","version":1,"pinned":false,"by":"x","at":"2026-01-01T00:00:00Z"} | not valid JSON
          live/intent            | {"task":"intent","epoch":1,"version":1,"pinned":false} | not valid JSON
          live/intent            | null | is null
          live/intent            | {    | not valid JSON
          head/intent/3/manifest | {"chunks":1,"bytes":9,"sha256":"00"} | not valid JSON
          head/intent/3/manifest | {"chunks":-1,"bytes":0,"info":null} | not valid JSON
          """)
  void refusesARecordThatIsNotWhatItsKeySays(String key, String value, String reason) {
    assertThatThrownBy(() -> store.apply(key, value.getBytes(StandardCharsets.UTF_8)))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining(reason);
    assertThat(store.live(TASK)).isEmpty();
    assertThat(store.versions(TASK)).isEmpty();
  }

  @Test
  void refusesAManifestUnderTheKeyOfAnotherVersion() {
    assertThatThrownBy(
            () ->
                store.apply(
                    HeadKey.manifest(TASK, 3),
                    HeadCodec.json(Manifest.withoutTensors(TestHeads.info(4)))))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("describes version 4");
  }

  @ParameterizedTest
  @ValueSource(strings = {"intent", "a/b", "x/1/manifest", "live/x", "zwei\nZeilen"})
  void readsBackTheKeyOfAnyTask(String task) throws Exception {
    assertThat(HeadKey.parse(HeadKey.live(task)))
        .isEqualTo(new HeadKey(HeadKey.Kind.LIVE, task, -1, -1));
    assertThat(HeadKey.parse(HeadKey.manifest(task, 12)))
        .isEqualTo(new HeadKey(HeadKey.Kind.MANIFEST, task, 12, -1));
    assertThat(HeadKey.parse(HeadKey.chunk(task, 12, 3)))
        .isEqualTo(new HeadKey(HeadKey.Kind.CHUNK, task, 12, 3));
  }

  @Test
  void numbersTheNextVersionPastRefusedOnesToo() throws Exception {
    // given
    HeadLog log = new HeadLog(store);
    assertThat(log.nextVersion(TASK)).isEqualTo(1);

    // when
    store.apply(
        HeadKey.manifest(TASK, 4), HeadCodec.json(Manifest.withoutTensors(TestHeads.info(4))));

    // then
    assertThat(log.nextVersion(TASK)).isEqualTo(5);
    assertThat(log.tasks()).containsExactly(TASK);
    assertThat(log.hasTensors(TASK, 4)).isFalse();
  }

  @Test
  void aCopyDoesNotSeeWhatIsReadLater() throws Exception {
    // given
    applyAll(TestHeads.records(TestHeads.head(1), 2));
    HeadStore copy = store.copy();

    // when
    store.apply(HeadKey.chunk(TASK, 1, 0), null);
    applyAll(TestHeads.records(TestHeads.head(2), 2));

    // then
    assertThat(copy.head(TASK, 1)).contains(TestHeads.head(1));
    assertThat(copy.versions(TASK)).hasSize(1);
  }

  private void applyAll(Map<String, byte[]> records) throws RejectedHeadException {
    applyAll(store, records);
  }

  private static void applyAll(HeadStore store, Map<String, byte[]> records)
      throws RejectedHeadException {
    for (Map.Entry<String, byte[]> record : records.entrySet()) {
      store.apply(record.getKey(), record.getValue());
    }
  }
}
