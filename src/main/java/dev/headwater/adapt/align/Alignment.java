package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;

/**
 * The result of an alignment.
 *
 * @param head the candidate if the verdict accepts it, else the anchor; it should serve unless
 *     labels contradict it
 * @param source the source statistics to store with that head
 * @param verdict a verdict without labels; its numbers cover agreement, confidence and proportions
 */
public record Alignment(LinearHead head, SourceStatistics source, Verdict verdict) {}
