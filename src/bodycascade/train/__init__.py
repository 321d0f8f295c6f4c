"""Training: one expert from a pack, resumable, with its history and events. In the order in which it is best read:

stage           the train stage for one expert: opens, trains, records, writes
job             what one training is about, and where its files lie
setup           everything that a training is put together from
trainer         epochs and steps; goes on after a kill to the same bits
schedule        the learning rate and the running average over steps and cycles
optimizer       AdamW, with a rate of its own for the encoder
loss            cross-entropy and Dice; leaf_head: the second question, which leaf a pixel shows
batches         views of images, cut and varied, made ahead; augmentation, boxes: how
materials       the expert as it starts, its views and its class weights
parent_maps     where an expert's node is, by the experts above it
scoring         the score on the selection set; calibration: of an expert's outputs, by it
best_weights    the best weights of each cycle, and their mean
history         the table, the events and the line of each epoch; panels: what TensorBoard shows; counters
checkpoint      what a resumed training needs; workspace: where it lies; stopping: signals; seeds
"""

from bodycascade.train.stage import train

__all__ = ["train"]
