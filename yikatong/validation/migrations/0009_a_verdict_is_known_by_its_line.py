import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('submission', '0006_an_upload_is_packed'),
        ('validation', '0008_a_definition_is_tried_on_a_sample'),
    ]

    operations = [
        # the number of its own was never asked for; one index less to write for each line
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE validation_lineverdict DROP COLUMN id,"
                    " DROP CONSTRAINT validation_lineverdict_line_id_key,"
                    " ADD CONSTRAINT validation_lineverdict_pkey PRIMARY KEY (line_id)"
                )
            ],
            state_operations=[
                migrations.RemoveField(
                    model_name='lineverdict',
                    name='id',
                ),
                migrations.AlterField(
                    model_name='lineverdict',
                    name='line',
                    field=models.OneToOneField(db_comment='明细', db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='verdict', serialize=False, to='submission.line'),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='finding',
            name='batch',
            field=models.ForeignKey(db_comment='批次', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='submission.batch'),
        ),
        migrations.AlterField(
            model_name='periodchange',
            name='batch',
            field=models.ForeignKey(db_comment='批次', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='submission.batch'),
        ),
        migrations.AlterField(
            model_name='ruleoutcome',
            name='batch',
            field=models.ForeignKey(db_comment='批次', db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='rule_outcomes', to='submission.batch'),
        ),
    ]
